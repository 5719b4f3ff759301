package checkout

import "licensebot/purchase"

// ServerFound is the cause of an audit record (Event) of what a probe found: condition, host, reason.
const ServerFound purchase.CauseCode = "server-found"
