package purchase

// ToldAs names the condition of this server in AccountState.ServerTold.
func (s Server) ToldAs() string { return string(s.Condition) + " " + string(s.Site) }
