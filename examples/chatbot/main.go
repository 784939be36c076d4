// Chatbot is the same bot in two places. It answers by itself, at night, and reads every word: so
// does the software of any shop. On the shop's own server it is the shop, and nothing is lost. At a
// provider of bots it needs the keys there, and the provider has them. Not the bot makes the
// difference, its place does.
//
//	go run ./examples/chatbot [-lang fr]
package main

import (
	"context"
	"strings"

	"signet.example/signet/custodian"
	"signet.example/signet/examples/internal/tell"
)

const house = "Botworks"

// bot answers a question.
func bot(question string) string {
	q := strings.ToLower(question)
	switch {
	case strings.Contains(q, "open"):
		return "We open at nine."
	case strings.Contains(q, "price"), strings.Contains(q, "cost"):
		return "The kettle is 39 euros."
	}
	return "A human being will answer you in the morning."
}

var questions = []string{
	"Good evening. When do you open tomorrow?",
	"What does the blue kettle cost?",
	"And can you deliver it before my operation on Friday?",
}

// story has the bot answer, at home or where it was made.
func story(ctx context.Context, away bool) (*custodian.Report, error) {
	var script []custodian.Step
	if away {
		script = append(script, tell.Grant("bot", house, "stream", "everything"))
	}
	for _, q := range questions {
		script = append(script, tell.Customer(q), tell.Shop(bot(q)))
	}
	return custodian.Evaluate(ctx, tell.Scenario(house, tell.Platform, script...), nil)
}

func run(ctx context.Context, p *tell.Page) error {
	for _, away := range []bool{false, true} {
		r, err := story(ctx, away)
		if err != nil {
			return err
		}
		if away {
			p.Title("The bot runs at its maker's, "+house, "Le robot tourne chez son fabricant, "+house)
		} else {
			p.Title("The bot runs at the shop's", "Le robot tourne chez la boutique")
		}
		p.Lanes(r, house)
		p.Verdicts(r, house, "G2", "G6", "G7")
		p.Headline(r)
	}
	return nil
}

func main() { tell.Main(run) }
