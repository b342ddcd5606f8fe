package receipts

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Job is work that waits: for its time, or for somebody who is free to do it. All of it
// but At is text, so that whatever keeps jobs need not know their kinds.
type Job struct {
	// ID names the job. At most one job of an ID waits for its time: the one that was
	// scheduled last.
	ID    string
	Kind  string // who does it
	Group string // openConversationId that it is about
	Body  string // of the kind's own form
	// At is when the job is due; zero for a job that waits for nothing but its turn.
	At time.Time
}

// Queue has jobs done at once, each once.
type Queue interface {
	// Accept has a job done. It returns false if a job of that ID was accepted in the last day.
	Accept(ctx context.Context, j Job) (bool, error)
}

// Scheduler has jobs done at their times, each once. Every method is safe to repeat.
type Scheduler interface {
	// Schedule has jobs done, each at its time. A job takes the place of the one of the
	// same ID that waits for its time.
	Schedule(ctx context.Context, jobs ...Job) error
	// Cancel takes the jobs with these IDs out of the schedule, and returns how many were
	// in it. One whose time has come is not.
	Cancel(ctx context.Context, ids ...string) (int, error)
	// Scheduled returns the jobs about a group that wait for their time, the next first, and
	// those of the same time by their IDs.
	Scheduled(ctx context.Context, group string) ([]Job, error)
}

// The kinds of jobs that a Service does.
const (
	AnnounceJob = "announce"  // posts an announcement whose time has come
	SweepJob    = "sweep"     // saves the reads of a message before DingTalk forgets them
	FollowUpJob = "follow_up" // looks whether a round of a message's follow-up is due
)

// jobOf returns a job with that body, which BodyOf decodes. About tells it from the others of its
// kind and group.
func jobOf(kind, group, about string, body any, at time.Time) (Job, error) {
	text, err := json.Marshal(body)
	return Job{ID: jobID(kind, group, about), Kind: kind, Group: group, Body: string(text), At: at}, err
}

func jobID(kind, group, about string) string { return kind + "/" + group + "/" + about }

// BodyOf decodes the body of a job, which is JSON.
func BodyOf[T any](j Job) (T, error) {
	var body T
	if err := json.Unmarshal([]byte(j.Body), &body); err != nil {
		return body, fmt.Errorf("read job %s: %w", j.ID, err)
	}
	return body, nil
}
