package store

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

// What each script does, its keys, arguments and results stand at its top.
var (
	//go:embed scripts/accept.lua
	acceptSource string
	//go:embed scripts/claim.lua
	claimSource string
	//go:embed scripts/renew.lua
	renewSource string
	//go:embed scripts/beat.lua
	beatSource string
	//go:embed scripts/done.lua
	doneSource string
	//go:embed scripts/due.lua
	dueSource string
	//go:embed scripts/schedule.lua
	scheduleSource string
	//go:embed scripts/scheduled.lua
	scheduledSource string
	//go:embed scripts/cancel.lua
	cancelSource string
	//go:embed scripts/depth.lua
	depthSource string
	//go:embed scripts/leave.lua
	leaveSource string
	//go:embed scripts/tidy.lua
	tidySource string
	//go:embed scripts/announce.lua
	announceSource string
	//go:embed scripts/begin.lua
	beginSource string
	//go:embed scripts/begin_sending.lua
	beginSendingSource string
	//go:embed scripts/first.lua
	firstSource string
	//go:embed scripts/drop_step.lua
	dropStepSource string
	//go:embed scripts/mark.lua
	markSource string
	//go:embed scripts/recent.lua
	recentSource string
	//go:embed scripts/latest.lua
	latestSource string
	//go:embed scripts/note_reader.lua
	noteReaderSource string
	//go:embed scripts/last_reads.lua
	lastReadsSource string
	//go:embed scripts/by_key.lua
	byKeySource string
	//go:embed scripts/over.lua
	overSource string
	//go:embed scripts/save_endless.lua
	saveEndlessSource string
	//go:embed scripts/confirm.lua
	confirmSource string
	//go:embed scripts/save_reads.lua
	saveReadsSource string
	//go:embed scripts/change_members.lua
	changeMembersSource string
	//go:embed scripts/catch_up.lua
	catchUpSource string
	//go:embed scripts/save_pushed.lua
	savePushedSource string
	//go:embed scripts/save_audience.lua
	saveAudienceSource string
	//go:embed scripts/begin_reminder.lua
	beginReminderSource string
	//go:embed scripts/begin_batch.lua
	beginBatchSource string
	//go:embed scripts/drop_batch.lua
	dropBatchSource string
	//go:embed scripts/end_batch.lua
	endBatchSource string
	//go:embed scripts/ask.lua
	askSource string
	//go:embed scripts/give_pending.lua
	givePendingSource string
	//go:embed scripts/drop_reminder.lua
	dropReminderSource string
	//go:embed scripts/follow.lua
	followSource string
	//go:embed scripts/change_follow_up.lua
	changeFollowUpSource string
	//go:embed scripts/follow_ups.lua
	followUpsSource string
	//go:embed scripts/delete_cool_app.lua
	deleteCoolAppSource string

	acceptScript         = redis.NewScript(acceptSource)
	claimScript          = redis.NewScript(claimSource)
	renewScript          = redis.NewScript(renewSource)
	beatScript           = redis.NewScript(beatSource)
	doneScript           = redis.NewScript(doneSource)
	dueScript            = redis.NewScript(dueSource)
	scheduleScript       = redis.NewScript(scheduleSource)
	scheduledScript      = redis.NewScript(scheduledSource)
	cancelScript         = redis.NewScript(cancelSource)
	depthScript          = redis.NewScript(depthSource)
	leaveScript          = redis.NewScript(leaveSource)
	tidyScript           = redis.NewScript(tidySource)
	beginScript          = redis.NewScript(announceSource + beginSource)
	beginSendingScript   = redis.NewScript(announceSource + beginSendingSource)
	firstScript          = redis.NewScript(firstSource)
	dropStepScript       = redis.NewScript(dropStepSource)
	markScript           = redis.NewScript(markSource)
	byKeyScript          = redis.NewScript(byKeySource)
	recentScript         = redis.NewScript(recentSource)
	latestScript         = redis.NewScript(latestSource)
	overScript           = redis.NewScript(overSource)
	saveEndlessScript    = redis.NewScript(saveEndlessSource)
	confirmScript        = redis.NewScript(confirmSource)
	saveReadsScript      = redis.NewScript(noteReaderSource + saveReadsSource)
	lastReadsScript      = redis.NewScript(lastReadsSource)
	changeMembersScript  = redis.NewScript(changeMembersSource)
	catchUpScript        = redis.NewScript(catchUpSource)
	savePushedScript     = redis.NewScript(noteReaderSource + savePushedSource)
	saveAudienceScript   = redis.NewScript(saveAudienceSource)
	beginReminderScript  = redis.NewScript(beginReminderSource)
	beginBatchScript     = redis.NewScript(beginBatchSource)
	dropBatchScript      = redis.NewScript(dropBatchSource)
	endBatchScript       = redis.NewScript(endBatchSource)
	dropReminderScript   = redis.NewScript(dropReminderSource)
	followUpsScript      = redis.NewScript(followUpsSource)
	followScript         = redis.NewScript(followSource)
	changeFollowUpScript = redis.NewScript(changeFollowUpSource)
	deleteCoolAppScript  = redis.NewScript(deleteCoolAppSource)
	askScript            = redis.NewScript(askSource)
	givePendingScript    = redis.NewScript(givePendingSource)
)
