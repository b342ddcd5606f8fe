package store

import (
	"testing"
	"time"

	"whoread/receipts"
	"whoread/receipts/receiptstest"
	"whoread/store/storetest"
)

// The domain's own tests hold their fake to the same.
func TestTheContractOfTheDomain(t *testing.T) {
	t.Parallel()
	for name, backend := range map[string]func(testing.TB) storetest.Backend{"miniredis": storetest.Mini, "redis": storetest.Real} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiptstest.Run(t, func(t *testing.T) receiptstest.Store { return open(t, backend(t)) })
			receiptstest.RunScheduler(t, func(t *testing.T) receipts.Scheduler { return open(t, backend(t)).Inbox(quick(), nil) })
		})
	}
}

// What is written has its time, also where everything was gone before.
func TestKeysThatComeBackHaveTheirTime(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		sent(t, s, group, "msg1", "key1")
		for _, err := range []error{
			s.SaveMembers(ctx, group, receipts.Members{UserIDs: []string{"a"}, Source: receipts.SceneGroup, At: noon}, nil),
			s.RemoveMembers(ctx, group, []string{"a"}, moment(noon)), // before the message was posted
			s.AddMembers(ctx, group, []string{"d"}, moment(noon.Add(time.Hour))),
			s.RecordPost(ctx, group, "chart", 1), s.RecordPost(ctx, group, "chart", 1),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		keys := s.keys.group(group)
		for _, key := range []string{keys.members(), keys.membersAbout(), keys.moves(1), keys.processQueryKey("chart")} {
			if left := must(s.rdb.PTTL(ctx, key).Result())(t); left < keepFor-time.Minute || left > keepFor+time.Second {
				t.Errorf("%s goes in %v", key, left)
			}
		}
	})
}

// A message whose time is over is not the latest, nor followed up, however long others are.
func TestAMessageWhoseTimeIsOver(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s, ctx := open(t, b), t.Context()
		for number, command := range []string{"msg1", "msg2"} {
			sent(t, s, group, command, "key of "+command)
			follow(t, s, group, number+1, followUpOf("command"))
		}
		keys := s.keys.group(group)
		if err := s.rdb.Del(ctx, keys.message(2), keys.followUp(2)).Err(); err != nil {
			t.Fatal(err)
		}
		followed(t, s, group, 1)
		if m := must(s.Latest(ctx, group))(t); m.Number != 1 {
			t.Errorf("the latest is #%d, want #1", m.Number)
		}
	})
}
