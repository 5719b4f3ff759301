package cocalc

import (
	"context"
	"encoding/json"
	"errors"
)

const (
	userQuery  = "user-query"
	getBalance = "purchases/get-balance"
)

// WhoAmI says whose key this is. Its success proves that the key is valid and the server's database is there, which
// empty answers of other endpoints do not.
func (c *Client) WhoAmI(ctx context.Context) (Account, error) {
	body, err := c.call(ctx, reads, userQuery, json.RawMessage(`{"query":{"accounts":{"account_id":null,"email_address":null}}}`))
	if err != nil {
		return Account{}, err
	}
	var answer struct {
		Query struct {
			Accounts struct {
				AccountID idText    `json:"account_id"`
				Email     looseText `json:"email_address"`
			} `json:"accounts"`
		} `json:"query"`
	}
	err = json.Unmarshal(body, &answer)
	account := Account{ID: string(answer.Query.Accounts.AccountID), Email: string(answer.Query.Accounts.Email)}
	if err == nil && account.ID == "" {
		err = errors.New("it names no account")
	}
	if err != nil {
		return Account{}, c.misread(userQuery, body, err)
	}
	return account, nil
}

// Balance is the credit of the account. The server keeps it as a float of 6 to 7 digits: below 10,000 dollars it is right
// to the cent, above it may be off by some.
func (c *Client) Balance(ctx context.Context) (Cents, error) {
	body, err := c.call(ctx, reads, getBalance, struct{}{})
	if err != nil {
		return 0, err
	}
	var amount amountJSON
	if err := json.Unmarshal(body, &amount); err != nil || !amount.set {
		return 0, c.misread(getBalance, body, errors.Join(err, errors.New("it is no amount")))
	}
	return amount.cents, nil
}
