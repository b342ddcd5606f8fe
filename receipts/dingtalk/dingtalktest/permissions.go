package dingtalktest

import "slices"

// The permissions of an app, as DingTalk's console and its errors name them.
const (
	PermissionRobot    = "qyapi_robot_sendmsg" // send, query, recall, direct messages
	PermissionGroups   = "qyapi_chat_manage"   // the members of groups
	PermissionChats    = "qyapi_chat_read"     // chat/get
	PermissionContacts = "qyapi_get_member"    // people and departments
	PermissionDing     = "Premium.Ding.Write"
	PermissionBase     = "qyapi_base" // uploads
	PermissionCards    = "Card.Instance.Write"
)

func permissionNames() []string {
	return []string{PermissionRobot, PermissionGroups, PermissionChats, PermissionContacts, PermissionDing, PermissionBase, PermissionCards}
}

// Permissions grants these permissions to the app, or takes them from it; without names all of them. All are granted at first. A
// call that lacks one is refused before its parameters are looked at, and not counted.
func (s *Server) Permissions(granted bool, names ...string) {
	if len(names) == 0 {
		names = permissionNames()
	}
	s.limits.mu.Lock()
	for _, name := range names {
		if granted {
			delete(s.limits.lacking, name)
		} else {
			s.limits.lacking[name] = true
		}
	}
	s.limits.mu.Unlock()
	s.feed.publish(Change{Kind: FaultsChanged})
}

// lacks says whether the permission was taken from the app.
func (l *limits) lacks(permission string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lacking[permission]
}

// permissions tells of each whether the app has it.
func (l *limits) permissions() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]bool{}
	for _, name := range permissionNames() {
		out[name] = !l.lacking[name]
	}
	return out
}

func isPermission(name string) bool { return slices.Contains(permissionNames(), name) }
