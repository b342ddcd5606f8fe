package dingtalktest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	liveEvery    = 100 * time.Millisecond // a browser is told at most so often
	liveIdle     = 15 * time.Second       // and at least so often, so that a dead one is noticed
	liveMessages = 200                    // more changed messages than these are asked for anew
	maxBrowsers  = 64
)

// update is what happened since the last one, as the person sees it now.
type update struct {
	Kinds    []ChangeKind  `json:"kinds"`
	Groups   []groupView   `json:"groups,omitempty"`
	Messages []liveMessage `json:"messages,omitempty"` // in the order in which they came or changed
	Calls    []Call        `json:"calls,omitempty"`
	Dings    []Ding        `json:"dings,omitempty"` // to the person
	Status   statusView    `json:"status"`
}

// liveMessage is a message that came, or changed.
type liveMessage struct {
	messageView
	Added bool `json:"added"`
}

// events tells a browser what happens, as Server-Sent Events: "hello" at the start, and again whenever it must look at
// everything anew; otherwise an update. A browser that does not read is let go.
func (p *page) events(w http.ResponseWriter, r *http.Request) {
	if !p.enter() {
		writeError(w, &controlError{http.StatusServiceUnavailable, "tooMany", "too many pages are open"})
		return
	}
	defer p.leave()
	unionID := r.URL.Query().Get("person")
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	send := func(event string, v any) bool {
		b, err := json.Marshal(v)
		if err != nil {
			panic(fmt.Errorf("dingtalktest: an update cannot be encoded: %w", err))
		}
		_ = out.SetWriteDeadline(time.Now().Add(writeTimeout)) // a server of this package has deadlines
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, b); err != nil {
			return false
		}
		return out.Flush() == nil
	}
	changes := p.s.Watch(r.Context())
	if !send("hello", p.status()) {
		return
	}
	idle := time.NewTicker(liveIdle)
	defer idle.Stop()
	for {
		var batch []Change
		var open bool
		select {
		case <-p.s.ctx.Done():
			return
		case <-r.Context().Done():
			return
		case <-idle.C:
			if !send("idle", struct{}{}) {
				return
			}
			continue
		case first, ok := <-changes:
			batch, open = drain(first, ok, changes)
		}
		var told bool
		if !open {
			changes = p.s.Watch(r.Context())
			told = send("hello", p.status())
		} else if u, fits := p.update(batch, unionID); fits {
			told = send("update", u)
		} else {
			told = send("hello", p.status())
		}
		if !told || !p.pause(r) {
			return
		}
	}
}

// drain takes what is there already; open is false if the watcher was cut off.
func drain(first Change, ok bool, changes <-chan Change) (batch []Change, open bool) {
	for open = ok; open; {
		batch = append(batch, first)
		select {
		case first, open = <-changes:
		default:
			return batch, true
		}
	}
	return nil, false
}

// pause waits a moment, so that what happens meanwhile comes in one update.
func (p *page) pause(r *http.Request) bool {
	t := time.NewTimer(liveEvery)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.s.ctx.Done():
	case <-r.Context().Done():
	}
	return false
}

// update puts the changes together; fits is false if they are too many.
func (p *page) update(batch []Change, unionID string) (u update, fits bool) {
	groups := map[string]struct{}{}
	kinds := map[ChangeKind]struct{}{}
	messages := map[string]int{} // their places in u.Messages; -1 if the person does not see it
	dings := 0
	for _, change := range batch {
		if _, known := kinds[change.Kind]; !known {
			kinds[change.Kind] = struct{}{}
			u.Kinds = append(u.Kinds, change.Kind)
		}
		if change.GroupID != "" {
			groups[change.GroupID] = struct{}{}
		}
		if change.Call != nil {
			u.Calls = append(u.Calls, *change.Call)
		}
		if change.Kind == DingSent {
			dings++
		}
		if at, known := messages[change.MessageID]; !known && change.MessageID != "" {
			if len(u.Messages) == liveMessages {
				return update{}, false
			}
			messages[change.MessageID] = -1
			if m, ok := p.message(change.GroupID, change.MessageID, unionID); ok {
				messages[change.MessageID] = len(u.Messages)
				u.Messages = append(u.Messages, liveMessage{m, change.Kind == MessageAdded})
			}
		} else if known && at >= 0 && change.Kind == MessageAdded {
			u.Messages[at].Added = true
		}
	}
	for id := range groups {
		if g, ok := p.groupOf(id, unionID); ok {
			u.Groups = append(u.Groups, g)
		}
	}
	all := p.s.Dings()
	for _, d := range all[max(0, len(all)-dings):] {
		for _, who := range d.Receivers {
			if who.UnionID == unionID {
				u.Dings = append(u.Dings, d)
			}
		}
	}
	u.Status = p.status()
	return u, true
}

// groupOf is a group, or the person's own one-to-one chat.
func (p *page) groupOf(id, unionID string) (groupView, bool) {
	g, ok := p.group(id, unionID)
	return g, ok && (g.Kind != KindDirect || g.Member)
}

// message is the message, if the person sees it.
func (p *page) message(group, id, unionID string) (messageView, bool) {
	p.s.world.mu.Lock()
	defer p.s.world.mu.Unlock()
	c, ok := p.s.world.groups[group]
	if !ok || c.Kind == KindDirect && !c.members.has(unionID) {
		return messageView{}, false
	}
	m, ok := c.byID[id]
	if !ok || !c.visible(m, unionID) {
		return messageView{}, false
	}
	return p.messageView(c, m, unionID), true
}

func (p *page) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.browsers == maxBrowsers {
		return false
	}
	p.browsers++
	return true
}

func (p *page) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.browsers--
}
