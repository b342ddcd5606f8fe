# A static binary in an empty image; it runs as nobody, and with a read-only root file system.
#
#   docker build -t whoread --build-arg VERSION=$(git describe --always --dirty) .
#
# Build arguments: VERSION, which the bot says it has; GOPROXY, where Go's own module proxy can't be reached, such as
# https://goproxy.cn,direct; GOLANG, the image to build with, from another registry. The same source, VERSION and version
# of Go give the same binary.
ARG GOLANG=golang:1.26
FROM ${GOLANG} AS build
ARG GOPROXY
ARG VERSION
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /whoread ./cmd/whoread

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /whoread /whoread
USER 65532:65532
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["/whoread", "health", "--config", "/etc/whoread/whoread.yaml"]
ENTRYPOINT ["/whoread"]
CMD ["run", "--config", "/etc/whoread/whoread.yaml"]
