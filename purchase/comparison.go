package purchase

// What a Comparison notes.
const (
	// NotedByWord has entry, order and charged: an admin marked it as bought, and CoCalc doesn't show it.
	NotedByWord     CauseCode = "noted-by-word"
	NotedCounting   CauseCode = "noted-counting"    // entry, logged, charged: the bot is to count it again
	NotedNotManaged CauseCode = "noted-not-managed" // license, entry: the account no longer manages the license
	NotedUnderWay   CauseCode = "noted-under-way"   // purchase, at, license, amount, order: the bot works on the order
	// NotedStranger is a purchase made outside the bot: purchase, at, license, amount; but: "reported", or "copied" from
	// the cart item of an order.
	NotedStranger CauseCode = "noted-stranger"
)
