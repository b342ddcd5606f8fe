package receipts_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"whoread/receipts"
)

var errNoUser = errors.New("60121: the user is not found")

// directory knows some people, and who was asked for.
type directory struct {
	people receipts.Names
	answer chan struct{} // if not nil, answers wait for it

	mu    sync.Mutex
	asked []string
}

// UserName implements receipts.Directory.
func (d *directory) UserName(_ context.Context, userID string) (string, error) {
	d.mu.Lock()
	d.asked = append(d.asked, userID)
	d.mu.Unlock()
	if d.answer != nil {
		<-d.answer
	}
	if name, ok := d.people[userID]; ok {
		return name, nil
	}
	return "", errNoUser
}

func (d *directory) questions() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(slices.Values(d.asked))
}

func TestNames(t *testing.T) {
	t.Parallel()
	people := receipts.Names{"li": "李四", "wang": "王五", "o'neil": "Ó Néill 😀"}
	for _, c := range []struct {
		name  string
		known receipts.Names
		ids   []string
		fails string // a method of the records
		want  receipts.Names
		err   error
		asked []string
		kept  receipts.Names
	}{
		{
			name: "known names are asked of nobody", known: receipts.Names{"li": "李雷"}, ids: []string{"li"},
			want: receipts.Names{"li": "李雷"}, kept: receipts.Names{"li": "李雷"},
		},
		{
			name: "others come from the directory, and are kept", known: receipts.Names{"li": "李雷"}, ids: []string{"wang", "li", "o'neil"},
			want:  receipts.Names{"li": "李雷", "wang": "王五", "o'neil": "Ó Néill 😀"},
			asked: []string{"o'neil", "wang"},
			kept:  receipts.Names{"li": "李雷", "wang": "王五", "o'neil": "Ó Néill 😀"},
		},
		{
			name: "an empty name is not known", known: receipts.Names{"li": ""}, ids: []string{"li"},
			want: receipts.Names{"li": "李四"}, asked: []string{"li"}, kept: receipts.Names{"li": "李四"},
		},
		{
			name: "who has no name is left out, and the others are good", ids: []string{"ghost", "li", "phantom"},
			want: receipts.Names{"li": "李四"}, err: errNoUser,
			asked: []string{"ghost", "li", "phantom"}, kept: receipts.Names{"li": "李四"},
		},
		{
			name: "only people without a name", ids: []string{"ghost"},
			want: receipts.Names{}, err: errNoUser, asked: []string{"ghost"},
		},
		{name: "nobody", want: receipts.Names{}},
		{
			name: "names that could not be kept are good", ids: []string{"li"}, fails: "SaveNames",
			want: receipts.Names{"li": "李四"}, err: errDown, asked: []string{"li"},
		},
		{
			name: "without the records there are none", ids: []string{"li"}, fails: "Names",
			want: receipts.Names{}, err: errDown,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			kept := newRecords(t)
			if err := kept.SaveNames(t.Context(), group, c.known); err != nil {
				t.Fatal(err)
			}
			kept.fail(c.fails)
			dir := &directory{people: people}
			book := &receipts.NameResolver{Records: kept, Directory: dir}
			got, err := book.Names(t.Context(), group, c.ids)
			if !errors.Is(err, c.err) {
				t.Errorf("error %v; want %v", err, c.err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.asked, dir.questions()); diff != "" {
				t.Errorf("asked of the directory (-want +got):\n%s", diff)
			}
			if len(c.kept) == 0 {
				c.kept = receipts.Names{}
			}
			if diff := cmp.Diff(c.kept, kept.names[group]); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNamesAreAskedForAFewAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := &directory{people: receipts.Names{}, answer: make(chan struct{})}
		var ids []string
		for i := range 20 {
			ids = append(ids, fmt.Sprint("user", i))
			dir.people[ids[i]] = fmt.Sprint("Name ", i)
		}
		book := &receipts.NameResolver{Records: newRecords(t), Directory: dir}
		var asking sync.WaitGroup
		asking.Go(func() {
			names, err := book.Names(t.Context(), group, ids)
			if diff := cmp.Diff(dir.people, names); diff != "" || err != nil {
				t.Errorf("error %v, names (-want +got):\n%s", err, diff)
			}
		})
		synctest.Wait()
		if got := len(dir.questions()); got != 8 {
			t.Errorf("%d questions at the same time; want 8", got)
		}
		close(dir.answer)
		asking.Wait()
	})
}
