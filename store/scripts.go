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
	//go:embed scripts/begin.lua
	beginSource string
	//go:embed scripts/first.lua
	firstSource string
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
	//go:embed scripts/keep_reads.lua
	keepReadsSource string
	//go:embed scripts/change_members.lua
	changeMembersSource string
	//go:embed scripts/catch_up.lua
	catchUpSource string
	//go:embed scripts/keep_pushed.lua
	keepPushedSource string
	//go:embed scripts/keep_audience.lua
	keepAudienceSource string
	//go:embed scripts/begin_reminder.lua
	beginReminderSource string
	//go:embed scripts/begin_batch.lua
	beginBatchSource string
	//go:embed scripts/end_batch.lua
	endBatchSource string
	//go:embed scripts/drop_reminder.lua
	dropReminderSource string
	//go:embed scripts/follow.lua
	followSource string
	//go:embed scripts/change_follow_up.lua
	changeFollowUpSource string

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
	beginScript          = redis.NewScript(beginSource)
	firstScript          = redis.NewScript(firstSource)
	markScript           = redis.NewScript(markSource)
	byKeyScript          = redis.NewScript(byKeySource)
	recentScript         = redis.NewScript(recentSource)
	latestScript         = redis.NewScript(latestSource)
	overScript           = redis.NewScript(overSource)
	keepReadsScript      = redis.NewScript(noteReaderSource + keepReadsSource)
	lastReadsScript      = redis.NewScript(lastReadsSource)
	changeMembersScript  = redis.NewScript(changeMembersSource)
	catchUpScript        = redis.NewScript(catchUpSource)
	keepPushedScript     = redis.NewScript(noteReaderSource + keepPushedSource)
	keepAudienceScript   = redis.NewScript(keepAudienceSource)
	beginReminderScript  = redis.NewScript(beginReminderSource)
	beginBatchScript     = redis.NewScript(beginBatchSource)
	endBatchScript       = redis.NewScript(endBatchSource)
	dropReminderScript   = redis.NewScript(dropReminderSource)
	followScript         = redis.NewScript(followSource)
	changeFollowUpScript = redis.NewScript(changeFollowUpSource)
	//go:embed scripts/forget_cool_app.lua
	forgetCoolAppSource string

	forgetCoolAppScript = redis.NewScript(forgetCoolAppSource)
)
