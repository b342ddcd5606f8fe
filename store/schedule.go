package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"whoread/receipts"
)

// scheduledJob is the JSON of a job in the schedule. Its id and its time stand beside it.
type scheduledJob struct {
	Kind  string `json:"kind"`
	Group string `json:"group"`
	Body  string `json:"body"`
}

// Schedule implements receipts.Scheduler.
func (i *Inbox) Schedule(ctx context.Context, jobs ...receipts.Job) error {
	args := make([]any, 0, 4*len(jobs))
	for _, j := range jobs {
		text, err := json.Marshal(scheduledJob{j.Kind, j.Group, j.Body})
		if err != nil {
			return fmt.Errorf("schedule jobs: %w", err)
		}
		args = append(args, j.ID, j.At.UnixMilli(), j.Group, text)
	}
	if err := scheduleScript.Run(ctx, i.rdb, []string{i.keys.schedule(), i.keys.jobs(), i.keys.groupJobs()}, args...).Err(); err != nil {
		return fmt.Errorf("schedule jobs: %w", err)
	}
	return nil
}

// Cancel implements receipts.Scheduler.
func (i *Inbox) Cancel(ctx context.Context, ids ...string) (int, error) {
	args := make([]any, len(ids))
	for n, id := range ids {
		args[n] = id
	}
	cancelled, err := cancelScript.Run(ctx, i.rdb, []string{i.keys.schedule(), i.keys.jobs(), i.keys.groupJobs()}, args...).Int()
	if err != nil {
		return 0, fmt.Errorf("cancel jobs: %w", err)
	}
	return cancelled, nil
}

// Scheduled implements receipts.Scheduler.
func (i *Inbox) Scheduled(ctx context.Context, group string) ([]receipts.Job, error) {
	rows, err := scheduledScript.Run(ctx, i.rdb, []string{i.keys.schedule(), i.keys.jobs(), i.keys.jobsOf(group)}).Slice()
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	jobs := make([]receipts.Job, len(rows))
	for n, row := range rows {
		if jobs[n], err = readScheduled(row); err != nil {
			return nil, fmt.Errorf("list jobs: %w", err)
		}
	}
	slices.SortFunc(jobs, func(a, b receipts.Job) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return jobs, nil
}

// readScheduled reads a row of the script scheduled.
func readScheduled(row any) (receipts.Job, error) {
	columns, _ := row.([]any)
	if len(columns) != 3 {
		return receipts.Job{}, fmt.Errorf("unexpected result %T", row)
	}
	id, _ := columns[0].(string)
	due, _ := columns[1].(string)
	text, _ := columns[2].(string)
	at, err := strconv.ParseFloat(due, 64) // as Redis writes scores
	if err != nil {
		return receipts.Job{}, fmt.Errorf("read when job %s is due: %w", id, err)
	}
	var j scheduledJob
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return receipts.Job{}, fmt.Errorf("read job %s: %w", id, err)
	}
	return receipts.Job{ID: id, Kind: j.Kind, Group: j.Group, Body: j.Body, At: fromMillis(int64(at))}, nil
}

var _ receipts.Scheduler = (*Inbox)(nil)
