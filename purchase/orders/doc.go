// Package orders is the front door of purchasing: what people do with orders.
//
// [Service] proposes orders, carries out decisions about them ([Service.Decide] with a [Decision]), and reads what
// people look at ([Service.View] and the reports). It checks who acts, where, and what the policy allows; a
// [*purchase.Refusal] says why not, and is recorded. [Account] is what people ask of the CoCalc account itself.
// [Process] is what the program does by itself, such as ending cards on time, and what its operator does.
//
// The package sends CoCalc nothing that changes something there, except to remove a broken item from the cart.
package orders
