package stream

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/open-dingtalk/dingtalk-stream-sdk-go/logger"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// tameSDK changes three globals that the SDK offers no other way to influence. It must run before the first SDK client is
// made, since they are read without a lock; hence once, from New.
//
//   - The SDK's logger: it is told the connection's ticket, the request body with the client secret and the frames.
//   - http.DefaultTransport, which the SDK asks the gateway with: it gets schemes of this package's own, see [asker].
//   - websocket.DefaultDialer, which the SDK dials with: a connection dialled by this package gets a socket that
//     tells when it is over. Every other user of that dialer gets what it got before.
var tameSDK = sync.OnceFunc(func() {
	logger.SetLogger(sdkLines)

	transport := http.DefaultTransport.(*http.Transport) // where another one has taken its place, no connection can be opened safely
	for _, scheme := range []string{"http", "https"} {
		transport.RegisterProtocol(ownScheme+scheme, asker{transport})
	}

	dial := websocket.DefaultDialer.NetDialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	websocket.DefaultDialer.NetDialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		netConn, err := dial(ctx, network, addr)
		conn, ours := ctx.Value(watchedBy{}).(*connection)
		if err != nil || !ours {
			return netConn, err
		}
		conn.netConn = netConn
		return socket{Conn: netConn, conn: conn}, nil
	}
})

// sdkLines is the logger of the SDK. That is one for the process and its lines do not say which client they belong to, so
// they go to the log of every client that is running.
var sdkLines = &sdkLogger{logs: map[*zap.Logger]struct{}{}}

// sdkLogger writes the SDK's lines with everything taken out that is not known to be free of secrets and of people's words:
// of their arguments only numbers and the description of errors are kept.
type sdkLogger struct {
	mu   sync.RWMutex // held for reading while a line is written: none is written after detaching
	logs map[*zap.Logger]struct{}
}

// attach sends the SDK's lines to log as well, until the function that it returns is called.
func (l *sdkLogger) attach(log *zap.Logger) (detach func()) {
	log = log.Named("sdk")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.logs[log] = struct{}{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.logs, log)
	}
}

func (l *sdkLogger) write(level zapcore.Level, format string, args []any) {
	kept := make([]any, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case int:
			kept[i] = arg
		case error:
			kept[i] = describe(arg)
		default:
			kept[i] = "(left out)"
		}
	}
	line := fmt.Sprintf(format, kept...)
	l.mu.RLock()
	defer l.mu.RUnlock()
	for log := range l.logs {
		log.Log(level, "the Stream SDK says", zap.String("line", line))
	}
}

// Debugf drops the line: those of the SDK are requests, answers and acks with nothing around them.
func (l *sdkLogger) Debugf(string, ...any) {}

// Infof implements the SDK's logger.
func (l *sdkLogger) Infof(format string, args ...any) { l.write(zap.DebugLevel, format, args) }

// Warningf keeps the level: the only such line tells that a frame was dropped because too many are in hand.
func (l *sdkLogger) Warningf(format string, args ...any) { l.write(zap.WarnLevel, format, args) }

// Errorf lowers the level, because what matters is reported by the slots, except for a frame that no handler will see.
func (l *sdkLogger) Errorf(format string, args ...any) {
	level := zap.DebugLevel
	if strings.HasPrefix(format, "connection process decode data frame error") {
		level = zap.WarnLevel
	}
	l.write(level, format, args)
}

// Fatalf must not end the process.
func (l *sdkLogger) Fatalf(format string, args ...any) { l.write(zap.ErrorLevel, format, args) }
