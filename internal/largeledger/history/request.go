package history

import (
	"fmt"
	"math/rand/v2"
	"time"

	"licensebot/cocalc"
	"licensebot/purchase"
)

// wish is what a person wants to buy, and why.
type wish struct {
	spec   purchase.Spec
	reason string
}

var (
	courses = []string{
		"Statistics", "Linear Algebra", "Numerical Methods", "Quantum Mechanics", "Machine Learning", "Number Theory",
		"Data Science 101", "Topology", "Computational Biology", "Econometrics", "Graph Theory", "Fluid Dynamics",
	}
	workshops = []string{"Sage Days", "R for beginners", "Julia workshop", "Summer school", "LaTeX evening", "Hackathon"}
	projects  = []string{"Thesis", "Simulation", "Grant proposal", "Paper with Lund", "Lab server", "Benchmarks"}
	terms     = []string{"spring", "summer", "autumn", "winter"}
)

func choose[T any](random *rand.Rand, among []T) T { return among[random.IntN(len(among))] }

// between returns a number from low to high.
func between(random *rand.Rand, low, high int) int { return low + random.IntN(high-low+1) }

// newWish returns something to buy: most often a course's fixed term, else a workshop's, or a license that renews. A
// term begins in the future, so that its price is the same when it is bought.
func newWish(random *rand.Rand, now time.Time) wish {
	spec := cocalc.DefaultSpec()
	spec.User = cocalc.UserAcademic
	switch kind := random.IntN(100); {
	case kind < 45:
		return newCourse(random, now)
	case kind < 70:
		spec.Period, spec.Title = cocalc.PeriodRange, choose(random, workshops)
		spec.RAM, spec.CPU = between(random, 2, 4), 1
		spec.RunLimit = between(random, 5, 25)
		spec.Start = now.UTC().Truncate(24*time.Hour).AddDate(0, 0, between(random, 1, 14))
		spec.End = spec.Start.AddDate(0, 0, between(random, 2, 10))
		return wish{spec, fmt.Sprintf("%s with %d people", spec.Title, spec.RunLimit)}
	case kind < 90:
		spec.Period, spec.Title = cocalc.PeriodMonthly, choose(random, projects)
		spec.RAM, spec.CPU = between(random, 4, 16), between(random, 1, 3)
		return wish{spec, "compute for: " + spec.Title}
	default:
		spec.Period, spec.Title = cocalc.PeriodYearly, choose(random, projects)
		spec.RAM, spec.CPU = between(random, 4, 12), between(random, 1, 3)
		return wish{spec, fmt.Sprintf("%s, the whole year", spec.Title)}
	}
}

// newCourse returns a license for a course.
func newCourse(random *rand.Rand, now time.Time) wish {
	spec := cocalc.DefaultSpec()
	spec.User, spec.Period, spec.Title = cocalc.UserAcademic, cocalc.PeriodRange, choose(random, courses)
	spec.RAM, spec.CPU = between(random, 2, 4), 1
	spec.RunLimit = between(random, 4, 20)
	spec.Start = now.UTC().Truncate(24*time.Hour).AddDate(0, 0, between(random, 1, 21))
	spec.End = spec.Start.AddDate(0, 0, 7*between(random, 8, 14))
	return wish{spec, courseReason(spec, choose(random, terms))}
}

func courseReason(spec purchase.Spec, term string) string {
	return fmt.Sprintf("%s, %s term, %d students", spec.Title, term, spec.RunLimit)
}

// above returns a license for a course that costs more than a limit.
func above(random *rand.Rand, now time.Time, limit purchase.Cents) (wish, error) {
	for w := newCourse(random, now); ; w.spec.RunLimit += between(random, 5, 15) {
		quote, err := purchase.PriceOf(w.spec, now)
		if err != nil || quote.Total > limit {
			w.reason = courseReason(w.spec, choose(random, terms))
			return w, err
		}
	}
}
