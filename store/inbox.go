package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"whoread/receipts"
)

// Limits of the inbox.
const (
	// repeatedWithin is how long a repetition of a job is recognised. DingTalk
	// was seen to repeat after about 16 s and 60 s.
	repeatedWithin = 24 * time.Hour
	// waitingMax is how many commands of people may wait before more are refused. What is
	// scheduled is not among them.
	waitingMax = 10_000
	// dueRoom is how many scheduled jobs may have entered the inbox. The rest stays in the
	// schedule until there is room: what falls due together is spread, and can be cancelled
	// for longer.
	dueRoom = 64
	// parkedMax is how many parked jobs are kept to be looked at.
	parkedMax = 1_000
	// blockFor is how long one read waits for a job. It bounds how long a
	// shutdown waits for the reader.
	blockFor = time.Second
	// redisAgain is the pause after Redis failed to answer the reader.
	redisAgain = time.Second
	// dueAgain is the pause after which scheduled jobs that are due and had no room are
	// looked at again.
	dueAgain = 200 * time.Millisecond
	// consumerGroup shares the jobs among the replicas.
	consumerGroup = "workers"
	// handedBack is the consumer that holds what a replica gave back before it ended.
	// It is none of the names that replicas have.
	handedBack = "handed back"
)

// ErrInboxFull means that too many jobs wait already.
var ErrInboxFull = errors.New("the inbox is full")

// InboxOptions tune the inbox.
type InboxOptions struct {
	// Lease is how long a job stays with a process that shows no sign of life. It is renewed
	// several times in that time, and the work ends when it could not be.
	Lease time.Duration
	// Workers is how many commands of people are worked on at the same time. Most of them
	// wait for their turn of a call.
	Workers int
	// Scheduled is how many scheduled jobs are worked on at the same time.
	Scheduled int
	// Attempts is how often a job is tried before it is parked.
	Attempts int
	// RetryAfter is the pause before the second attempt, doubled before each
	// further one.
	RetryAfter time.Duration
	// Grace is how long jobs may go on when Run is told to stop.
	Grace time.Duration
	// Now is the clock by which scheduled jobs are due.
	Now func() time.Time
	// DueEvery is how often they are looked for, besides when the next one is due.
	DueEvery time.Duration
	// Mark puts the request that a job is for into the context of its work, so that it is in
	// the log of whoever works; nil where nobody wants it.
	Mark func(ctx context.Context, request string) context.Context
}

// DefaultInboxOptions are what a real process uses.
func DefaultInboxOptions() InboxOptions {
	return InboxOptions{
		Lease: 12 * time.Second, Workers: 1_000, Scheduled: 16, Attempts: 3, RetryAfter: 500 * time.Millisecond, Grace: 15 * time.Second,
		Now: time.Now, DueEvery: 5 * time.Second,
	}
}

// Worker does jobs of one kind. A job is taken over if an earlier attempt may have had its
// effects already, such as one of a replica that died.
type Worker interface {
	// Work does a job. After an error, or a panic, it is tried again.
	Work(ctx context.Context, j receipts.Job, takenOver bool) error
	// GiveUp is called when the last attempt at a job failed, with the reason.
	GiveUp(ctx context.Context, j receipts.Job, takenOver bool, reason error)
}

// Workers are the workers by the kind of their jobs.
type Workers map[string]Worker

// errNoWorker is the reason for giving a job up that nobody here knows how to do.
var errNoWorker = errors.New("no worker does jobs of this kind")

// Inbox is the queue of jobs that are due and not yet done, such as commands that were
// accepted, and the schedule of those that are due later.
//
// It has two lanes, one for what people say and one for what was scheduled, with workers
// of their own: neither waits for the other. Each is a Redis Stream with a consumer group
// and one consumer a replica. A job that is in it is done at least once: by the replica
// that reads it, or, once that one has not renewed its lease, by another. The context of
// the work ends with the lease, and Held tells it just before an effect. The worker makes
// sure that the effects happen once.
type Inbox struct {
	rdb      redis.UniversalClient
	beats    redis.UniversalClient // by which leases are renewed
	keys     inboxKeys
	consumer string
	options  InboxOptions
	log      *zap.Logger
	lanes    []*lane
}

// lane is one queue of the inbox, as seen by this replica.
type lane struct {
	stream  string
	workers int

	mu      sync.Mutex
	running map[string]*lease // by entry: what this replica works on
}

// Inbox returns the inbox as seen by one replica.
func (s *Store) Inbox(o InboxOptions, log *zap.Logger) *Inbox {
	keys := s.keys.inbox()
	return &Inbox{
		rdb: s.rdb, beats: s.beats, keys: keys, consumer: rand.Text(), options: o, log: log,
		lanes: []*lane{
			{stream: keys.stream(), workers: o.Workers, running: map[string]*lease{}},
			{stream: keys.due(), workers: o.Scheduled, running: map[string]*lease{}},
		},
	}
}

// Accept puts a job into the inbox now. It returns false if a job with that ID was
// accepted before. ErrInboxFull means that it was not accepted. After any other error it
// was most likely not, but may have been: the answer of Redis may have been lost.
func (i *Inbox) Accept(ctx context.Context, j receipts.Job) (bool, error) {
	result, err := acceptScript.Run(ctx, i.rdb, []string{i.keys.seen(j.ID), i.keys.stream()},
		repeatedWithin.Milliseconds(), waitingMax, rand.Text(), "id", j.ID, "kind", j.Kind, "group", j.Group, "body", j.Body).Int()
	if err != nil {
		return false, fmt.Errorf("accept command: %w", err)
	}
	if result < 0 {
		return false, ErrInboxFull
	}
	return result == 1, nil
}

// Depth is how much waits, for all replicas together.
type Depth struct {
	Waiting   int // accepted or due, and nobody works on it
	Working   int // read by a replica, or left by one that died
	Scheduled int
	Parked    int // given up on; the newest few are kept
	// Oldest is how long the oldest that is waiting or at work has been in the inbox; 0
	// if there is none.
	Oldest time.Duration
}

// Depth asks Redis once how much waits.
func (i *Inbox) Depth(ctx context.Context) (Depth, error) {
	n, err := depthScript.Run(ctx, i.rdb, []string{i.keys.stream(), i.keys.due(), i.keys.schedule(), i.keys.parked()}, consumerGroup).Int64Slice()
	if err != nil {
		return Depth{}, fmt.Errorf("ask how much waits: %w", err)
	}
	if len(n) != 6 {
		return Depth{}, fmt.Errorf("ask how much waits: %d numbers", len(n))
	}
	d := Depth{Waiting: int(n[0] - n[1]), Working: int(n[1]), Scheduled: int(n[2]), Parked: int(n[3])}
	if n[4] > 0 {
		d.Oldest = max(0, time.Duration(n[5]-n[4])*time.Millisecond)
	}
	return d, nil
}

// leased is a job that this replica holds the lease of.
type leased struct {
	receipts.Job
	in        *lane
	entry     string // of the lane's stream
	attempt   int    // counts from 1, over all replicas
	takenOver bool   // as in Worker
	lease     *lease // from hold on
}

// newLeased reads the fields of an entry; see the scripts accept and due.
func newLeased(in *lane, entry string, fields map[string]string, attempt int, takenOver bool) leased {
	l := leased{
		Job: receipts.Job{ID: fields["id"], Kind: fields["kind"], Group: fields["group"], Body: fields["body"]},
		in:  in, entry: entry, attempt: attempt, takenOver: takenOver,
	}
	if at, err := strconv.ParseInt(fields["at"], 10, 64); err == nil {
		l.At = fromMillis(at)
	}
	return l
}

// request names what is done on account of a job in the log: a command by its ID, what was
// scheduled by a name of its own each time.
func (l leased) request() string {
	if l.At.IsZero() {
		return l.ID
	}
	return "scheduled-" + l.entry
}

// Run hands jobs to the workers of their kinds until ctx ends. Then it takes no more, gives
// those at work the grace that is configured, hands back what is not finished,
// and returns when every worker has.
func (i *Inbox) Run(ctx context.Context, w Workers) {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	i.tidy(ctx)
	var workers, feeders sync.WaitGroup
	for _, in := range i.lanes {
		slots := make(chan struct{}, in.workers)
		start := func(j leased) {
			workers.Go(func() {
				defer func() { <-slots }()
				i.process(work, w[j.Kind], j)
			})
		}
		feeders.Go(func() { i.feed(ctx, in, slots, start, i.read, 0) })
		feeders.Go(func() { i.feed(ctx, in, slots, start, i.claim, i.options.Lease/4) })
	}
	feeders.Go(func() { i.moveDue(ctx) })
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		i.beat(work)
	}()

	<-ctx.Done()
	grace := time.AfterFunc(i.options.Grace, stop)
	feeders.Wait()
	workers.Wait()
	grace.Stop()
	stop()
	<-beating
	i.leave(context.WithoutCancel(ctx))
}

// next brings jobs of a lane, no more than that. What it brings was this replica's at the
// earliest when it was called.
type next func(ctx context.Context, in *lane, most int) ([]leased, error)

// feed starts the jobs that next brings, never more than there are free
// slots, and pauses after each round that brought fewer than it could.
func (i *Inbox) feed(ctx context.Context, in *lane, slots chan struct{}, start func(leased), next next, between time.Duration) {
	failing := false
	for ctx.Err() == nil {
		free := takeSlots(ctx, slots)
		asked := time.Now()
		jobs, err := next(ctx, in, free)
		if err != nil && ctx.Err() == nil && !failing {
			i.log.Error("the inbox does not answer", zap.Error(err))
		}
		if err == nil && failing {
			i.log.Info("the inbox answers again")
		}
		failing = err != nil
		more := len(jobs) == free
		for _, j := range jobs {
			if free == 0 || !in.hold(&j, asked, i.options.Lease) {
				continue
			}
			free--
			start(j)
		}
		for range free {
			<-slots
		}
		switch {
		case err != nil:
			pause(ctx, redisAgain)
		case !more:
			pause(ctx, between)
		}
	}
}

// moveDue moves scheduled jobs into the inbox as they become due and there is room. Every
// replica does so; the script moves each job once.
func (i *Inbox) moveDue(ctx context.Context) {
	failing := false
	for ctx.Err() == nil {
		now := i.options.Now()
		next, err := dueScript.Run(ctx, i.rdb, []string{i.keys.schedule(), i.keys.due(), i.keys.jobs(), i.keys.groupJobs()}, now.UnixMilli(), dueRoom).Int64()
		if err != nil && ctx.Err() == nil && !failing {
			i.log.Warn("scheduled commands can't be looked for", zap.Error(err))
		}
		failing = err != nil
		wait := i.options.DueEvery // for what is scheduled meanwhile
		if next > 0 {
			wait = min(wait, max(dueAgain, time.UnixMilli(next).Sub(now)))
		}
		pause(ctx, wait)
	}
}

// takeSlots waits for one free slot and takes all that are free; 0 when ctx
// ended.
func takeSlots(ctx context.Context, slots chan struct{}) int {
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	for taken := 1; ; taken++ {
		select {
		case slots <- struct{}{}:
		default:
			return taken
		}
	}
}

// read waits for new jobs.
func (i *Inbox) read(ctx context.Context, in *lane, most int) ([]leased, error) {
	if most == 0 {
		return nil, nil
	}
	streams, err := i.rdb.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: consumerGroup, Consumer: i.consumer, Streams: []string{in.stream, ">"},
		Count: int64(most), Block: blockFor,
	}).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil && strings.HasPrefix(err.Error(), "NOGROUP"):
		return nil, i.createGroup(ctx, in)
	case err != nil:
		return nil, fmt.Errorf("read jobs: %w", err)
	}
	var jobs []leased
	for _, message := range streams[0].Messages {
		fields := make(map[string]string, len(message.Values))
		for field, value := range message.Values {
			fields[field], _ = value.(string)
		}
		jobs = append(jobs, newLeased(in, message.ID, fields, 1, false))
	}
	return jobs, nil
}

// createGroup makes the consumer group, from the first job on: a Redis that
// lost it may hold jobs already.
func (i *Inbox) createGroup(ctx context.Context, in *lane) error {
	err := i.rdb.XGroupCreateMkStream(ctx, in.stream, consumerGroup, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return fmt.Errorf("create consumer group: %w", err)
	}
	return nil
}

// claim takes over jobs of replicas that died, and takes those that were handed
// back.
func (i *Inbox) claim(ctx context.Context, in *lane, most int) ([]leased, error) {
	if most == 0 {
		return nil, nil
	}
	rows, err := claimScript.Run(ctx, i.rdb, []string{in.stream},
		consumerGroup, i.consumer, i.options.Lease.Milliseconds(), most).Slice()
	if err != nil && strings.Contains(err.Error(), "NOGROUP") {
		return nil, i.createGroup(ctx, in)
	}
	if err != nil {
		return nil, fmt.Errorf("claim jobs: %w", err)
	}
	var jobs []leased
	for _, row := range rows {
		columns, ok := row.([]any)
		if !ok || len(columns) != 4 {
			return nil, fmt.Errorf("claim jobs: unexpected result %T", row)
		}
		entry, _ := columns[0].(string)
		attempt, _ := columns[1].(int64)
		holder, _ := columns[2].(string)
		flat, _ := columns[3].([]any)
		jobs = append(jobs, newLeased(in, entry, hashOf(flat), int(attempt), holder != handedBack))
	}
	return jobs, nil
}

// hold notes that this replica works on the job, whose lease it has since it asked for it;
// false if it did already, because a lease ended while Redis could not be reached to renew
// it.
func (in *lane) hold(j *leased, asked time.Time, length time.Duration) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.running[j.entry] != nil {
		return false
	}
	j.lease = newLease(asked, length)
	in.running[j.entry] = j.lease
	return true
}

func (in *lane) letGo(j leased) {
	j.lease.done()
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.running, j.entry)
}

// atWork returns the entries whose leases are held, each with its own.
func (in *lane) atWork() (entries []string, leases []*lease) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for entry, l := range in.running {
		if l.held() == nil { // else another is to have it soon
			entries, leases = append(entries, entry), append(leases, l)
		}
	}
	return entries, leases
}

// process works on a job until it is done, parked, or another's. The worker is nil where
// nobody does jobs of its kind. Once the lease is over nothing is done any more, nor said.
func (i *Inbox) process(ctx context.Context, w Worker, j leased) {
	defer j.in.letGo(j)
	log := i.log.With(zap.String("request", j.request()))
	if i.options.Mark != nil {
		ctx = i.options.Mark(ctx, j.request())
	}
	if w == nil {
		log.Error("command given up", zap.String("kind", j.Kind), zap.Error(errNoWorker))
		i.finish(ctx, log, j, "failed")
		return
	}
	work, stop := j.lease.context(ctx)
	defer stop()
	for {
		if err := j.lease.held(); err != nil {
			log.Info("command left to another process", zap.Error(err))
			return
		}
		var failure error
		if j.attempt > i.options.Attempts { // every attempt before ended with its process
			failure = errors.New("no attempt came to an end")
		} else if failure = recovered(func() error { return w.Work(work, j.Job, j.takenOver) }); failure == nil {
			i.finish(ctx, log, j, "")
			return
		}
		log.Warn("command failed", zap.Int("attempt", j.attempt), zap.Error(failure)) // what gives it up says so as an error
		switch {
		case j.lease.held() != nil:
			continue // and leave it
		case ctx.Err() != nil:
			// That is why it failed, most likely: the attempt does not count.
			i.handBack(ctx, log, j, j.attempt-1)
			return
		case j.attempt >= i.options.Attempts:
			// A worker that panics here too must not keep the job alive.
			if err := recovered(func() error { w.GiveUp(work, j.Job, j.takenOver, failure); return nil }); err != nil {
				log.Error("giving the command up failed", zap.Error(err))
			}
			i.finish(ctx, log, j, "failed")
			return
		}
		pause(work, i.options.RetryAfter<<(j.attempt-1))
		if j.lease.held() != nil {
			continue
		}
		asked := time.Now()
		attempts, err := i.renew(ctx, j, "again", j.attempt+1)
		if ctx.Err() != nil {
			i.handBack(ctx, log, j, j.attempt)
			return
		}
		if err != nil || attempts == 0 {
			// Without Redis the job stays where it is, to be claimed later.
			log.Warn("command left to its lease", zap.Error(err))
			return
		}
		j.lease.renewed(asked)
		j.attempt = attempts
	}
}

// recovered returns what do returns. A panic is an error.
func recovered(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
}

// finish takes the job out of the inbox; park is empty or why it is parked.
// It keeps trying until ctx ends, and once more then: a command that was carried
// out and is still in the inbox would be carried out again. One that another replica has
// by now stays there.
func (i *Inbox) finish(ctx context.Context, log *zap.Logger, j leased, park string) {
	for failing := false; ; failing = true {
		last := ctx.Err() != nil
		out, err := i.takeOut(ctx, j, park)
		if err == nil && !out {
			log.Info("command is done and was another's by then")
		}
		if err == nil {
			return
		}
		if last {
			log.Error("command is done but stays in the inbox", zap.Error(err))
			return
		}
		if !failing {
			log.Warn("command is done but not yet out of the inbox", zap.Error(err))
		}
		pause(ctx, redisAgain)
	}
}

// takeOut returns false if the job was out already, or is another's.
func (i *Inbox) takeOut(ctx context.Context, j leased, park string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	return doneScript.Run(ctx, i.rdb, []string{j.in.stream, i.keys.parked()},
		consumerGroup, j.entry, park, parkedMax, i.consumer).Bool()
}

// handBack lets another replica have the command at once, after so many attempts that
// count: the end of this process is no failure of the command's. None of the attempts of
// this one came to its end.
func (i *Inbox) handBack(ctx context.Context, log *zap.Logger, j leased, attempts int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	how := "release"
	if j.takenOver { // and stays so for whoever is next
		how = "abandon"
	}
	if _, err := i.renew(ctx, j, how, attempts); err != nil {
		log.Warn("command left to its lease", zap.Error(err))
	}
}

// renew runs the script of that name; see there for what how can be, and for attempt.
func (i *Inbox) renew(ctx context.Context, j leased, how string, attempt int) (int, error) {
	attempts, err := renewScript.Run(ctx, i.rdb, []string{j.in.stream},
		consumerGroup, i.consumer, j.entry, how, i.options.Lease.Milliseconds(), attempt, handedBack).Int()
	if err != nil {
		return 0, fmt.Errorf("renew lease: %w", err)
	}
	return attempts, nil
}

// deadAfter is how many leases a consumer shows no sign of life before it is taken
// off. By then what it held was claimed.
const deadAfter = 10

// tidy takes replicas that died off the consumer groups. There may be one for every
// crash since the last start.
func (i *Inbox) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for _, in := range i.lanes {
		err := tidyScript.Run(ctx, i.rdb, []string{in.stream}, consumerGroup, (deadAfter * i.options.Lease).Milliseconds()).Err()
		if err != nil {
			i.log.Warn("replicas that died stay in the consumer group", zap.Error(err))
		}
	}
}

// leaveAgain is the pause between two tries to leave the consumer group.
const leaveAgain = 200 * time.Millisecond

// leave takes this replica off the consumer groups, unless it holds jobs:
// removing a consumer would lose them. It tries for a moment: the client looks only
// once a second whether a Redis that was away is back.
func (i *Inbox) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for _, in := range i.lanes {
		for {
			err := leaveScript.Run(ctx, i.rdb, []string{in.stream}, consumerGroup, i.consumer).Err()
			if err == nil {
				break
			}
			pause(ctx, leaveAgain)
			if ctx.Err() != nil {
				i.log.Warn("replica stays in the consumer group", zap.Error(err))
				return
			}
		}
	}
}

// pause waits for the time d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
