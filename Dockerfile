# syntax=docker/dockerfile:1
# A static binary in an empty image. Build arguments: VERSION, and GOPROXY where the default can't be reached.
FROM golang:1.26 AS build
ARG GOPROXY
ARG VERSION
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /whoread ./cmd/whoread

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /whoread /whoread
USER 65532:65532
ENTRYPOINT ["/whoread"]
CMD ["run", "--config", "/etc/whoread/whoread.yaml"]
