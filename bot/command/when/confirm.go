package when

// confirms are the words by which an announcement asks to be confirmed.
var confirms = []string{"需要回执", "需回执", "需要确认", "需确认", "请确认", "with confirmation", "confirm"}

// objects begin what may be confirmed, so that "confirm your address" may be a title.
var objects = []string{
	"your", "you", "that", "the", "this", "these", "those", "if", "whether", "our", "my", "his", "her", "their", "its", "it", "all", "a", "an", "with", "to", "by", "for", "receipt", "attendance",
}

// announcedConfirm reads that an announcement asks to be confirmed.
func (t Times) announcedConfirm(r *reader) (bool, error) {
	start := r.pos
	english := r.begins("confirm")
	if !r.word(confirms...) {
		return false, nil
	}
	if !r.ends() {
		r.pos = start
		return false, nil
	}
	if english && !r.separates() {
		if next := r.ahead(); next.word(objects...) && !t.opens(r) {
			return false, r.unclear(ConfirmOrTitle, start, next.pos)
		}
	}
	return true, nil
}

// opens reports whether a time or an interval comes next that an announcement is given.
func (t Times) opens(r *reader) bool {
	ahead := r.ahead()
	return ahead.word("by") && readMoment(ahead, t.Now).said
}
