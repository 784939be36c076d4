package main

import (
	"slices"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
)

// The provider of the story, and the platform that carries the messages.
const (
	provider = "Cloudstall"
	platform = "platform"
)

// A delegation is what the shop hands over, and before which step of the conversation.
type delegation struct {
	at    int
	grant custodian.Grant
}

// midway is the step before which the shop hands over when it does not do so on the first day.
const midway = 10

// grants are the modes. Each is nothing but a grant: no verdict depends on its name.
var grants = map[string]*delegation{
	"self":     nil,
	"hosted":   {0, custodian.Grant{Name: "hosting", To: provider, Atoms: []string{"everything"}, Via: "stream"}},
	"handover": {midway, custodian.Grant{Name: "handover", To: provider, Atoms: []string{"everything"}, Via: "stream"}},
	"archive":  {0, custodian.Grant{Name: "archive", To: provider, Atoms: []string{"plaintext"}, Via: "stream"}},
}

// conversation is twenty messages, numbered from 0, between a customer and a shop. Number 4
// overtakes number 3, number 12 is lost, and number 15 arrives after the answer to it was asked for
// again. The shop says who holds its keys, in signed statements, before it is so.
func conversation(protocol int, d *delegation) *custodian.Scenario {
	script := []custodian.Step{
		tell.Customer("Hello! Do you have the blue kettle?"),                // 0
		tell.Shop("Good morning. Yes, two of them."),                        // 1
		tell.Customer("How much is it?"),                                    // 2
		tell.Later(tell.Shop("It is 39 euros.")),                            // 3
		tell.Later(tell.Shop("And 34 if you collect it here.")),             // 4
		{Deliver: []int{4, 3}},                                              //
		tell.Customer("I will take one. Can you send it?"),                  // 5
		tell.Shop("Gladly. To which address?"),                              // 6
		tell.Customer("3 Mill Lane, second floor, left."),                   // 7
		tell.Shop("Thank you. It leaves tomorrow."),                         // 8
		tell.Customer("Can I pay by card?"),                                 // 9
		tell.Shop("Yes. Here is the link."),                                 // 10
		tell.Customer("Paid."),                                              // 11
		tell.Later(tell.Shop("Received, thank you.")),                       // 12
		{Drop: []int{12}},                                                   //
		tell.Shop("Your parcel has been handed to the carrier."),            // 13
		tell.Customer("When will it be here?"),                              // 14
		tell.Later(tell.Shop("On Thursday, between 9 and 12.")),             // 15
		tell.Customer("Hello? I need a day, to be at home for it."),         // 16
		{Deliver: []int{15}},                                                //
		tell.Shop("Thursday morning."),                                      // 17
		tell.Customer("Perfect. The doctor told me to stay in bed anyway."), // 18
		tell.Shop("Get well soon, and enjoy your tea!"),                     // 19
	}
	sees := "none"               // whoever has no mandate is not on the way
	var says custodian.Statement // nobody else holds anything
	if d != nil {
		says.Grants = []custodian.Mandate{{To: d.grant.To, Atoms: d.grant.Atoms, Via: d.grant.Via}}
		sees = "all"
	}
	// A message that is lost could have been a statement, so the next one is not long in coming.
	lost := slices.IndexFunc(script, func(s custodian.Step) bool { return s.Drop != nil })
	script = slices.Insert(script, lost+2, tell.Say(says))
	if d != nil {
		g := d.grant
		script = slices.Insert(script, d.at, tell.Say(says), custodian.Step{Grant: &g})
	}
	if d == nil || d.at > 0 {
		script = slices.Insert(script, 0, tell.Say(custodian.Statement{}))
	}
	return &custodian.Scenario{
		Protocol: protocol,
		Seed:     2020,
		Principals: []custodian.Principal{
			{ID: provider, Role: custodian.Provider, Sees: sees},
			{ID: platform, Role: custodian.Operator},
		},
		Script: script,
	}
}
