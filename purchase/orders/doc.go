// Package orders is what people do with orders: propose, confirm, cancel, approve, deny, settle, pause and resume
// buying, and look at budgets, history and licenses.
//
// [Service] has a method for each. It checks who acts, where, and what the policy allows; a *purchase.Refusal says why
// not, and is recorded. Nothing is sent to CoCalc that changes something there, except for taking a broken item out of
// the cart. [Service.Run] ends cards and approvals on time.
package orders
