package main

import "signet.example/signet/custodian"

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

func customer(text string) custodian.Step {
	return custodian.Step{Send: &custodian.Send{From: custodian.Customer, Text: text}}
}

func shop(text string) custodian.Step {
	return custodian.Step{Send: &custodian.Send{From: custodian.Business, Text: text}}
}

// later holds a message back: it is delivered, or lost, by a step of its own.
func later(s custodian.Step) custodian.Step {
	s.Send.Hold = true
	return s
}

// conversation is twenty messages, numbered from 0, between a customer and a shop. Number 4 overtakes
// number 3, number 12 is lost, and number 15 arrives after the answer to it was asked for again.
func conversation(protocol int, d *delegation) *custodian.Scenario {
	script := []custodian.Step{
		customer("Hello! Do you have the blue kettle?"),                // 0
		shop("Good morning. Yes, two of them."),                        // 1
		customer("How much is it?"),                                    // 2
		later(shop("It is 39 euros.")),                                 // 3
		later(shop("And 34 if you collect it here.")),                  // 4
		{Deliver: []int{4, 3}},                                         //
		customer("I will take one. Can you send it?"),                  // 5
		shop("Gladly. To which address?"),                              // 6
		customer("3 Mill Lane, second floor, left."),                   // 7
		shop("Thank you. It leaves tomorrow."),                         // 8
		customer("Can I pay by card?"),                                 // 9
		shop("Yes. Here is the link."),                                 // 10
		customer("Paid."),                                              // 11
		later(shop("Received, thank you.")),                            // 12
		{Drop: []int{12}},                                              //
		shop("Your parcel has been handed to the carrier."),            // 13
		customer("When will it be here?"),                              // 14
		later(shop("On Thursday, between 9 and 12.")),                  // 15
		customer("Hello? I need a day, to be at home for it."),         // 16
		{Deliver: []int{15}},                                           //
		shop("Thursday morning."),                                      // 17
		customer("Perfect. The doctor told me to stay in bed anyway."), // 18
		shop("Get well soon, and enjoy your tea!"),                     // 19
	}
	if d != nil {
		g := d.grant
		script = append(script[:d.at:d.at], append([]custodian.Step{{Grant: &g}}, script[d.at:]...)...)
	}
	return &custodian.Scenario{
		Protocol: protocol,
		Seed:     2020,
		Principals: []custodian.Principal{
			{ID: provider, Role: custodian.Provider},
			{ID: platform, Role: custodian.Operator},
		},
		Script: script,
	}
}
