package admin

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/firstbyte-dev/firstbyte/refproxy/admin/live"
)

// none stands where there is nothing to tell.
const none = "–"

// duration writes a duration with three digits.
func duration(d time.Duration) string {
	switch {
	case d == live.Never:
		return "never"
	case d < 0:
		return "-" + duration(-d)
	case d == 0:
		return "0 ms"
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", d.Seconds()*1e3)
	case d < 999500*time.Microsecond:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	case d < 100*time.Second && d%time.Second == 0:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 9995*time.Millisecond:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}

// latency writes a quantile.
func latency(d time.Duration) string {
	switch d {
	case 0:
		return none
	case live.Never:
		return "fails"
	}
	return duration(d)
}

// percent writes a share.
func percent(share float64) string {
	digits := 1
	if share == 0 || math.Abs(share) >= .995 && share == math.Trunc(share) {
		digits = 0
	}
	return strconv.FormatFloat(share*100, 'f', digits, 64) + "\u00a0%"
}

// setting writes a percentage as it was set.
func setting(p float64) string { return strconv.FormatFloat(p, 'f', -1, 64) }

// change writes a relative change.
func change(p *float64) string {
	if p == nil {
		return none
	}
	return strings.Replace(fmt.Sprintf("%+.1f\u00a0%%", *p*100), "-", "−", 1)
}

func rate(perSecond float64) string {
	switch {
	case perSecond == 0:
		return "0"
	case perSecond < 10:
		return fmt.Sprintf("%.2f", perSecond)
	case perSecond < 100:
		return fmt.Sprintf("%.1f", perSecond)
	}
	return number(math.Round(perSecond))
}

// number writes a number of no more digits than it needs, its thousands apart.
func number(f float64) string {
	whole, rest, _ := strings.Cut(strconv.FormatFloat(f, 'f', -1, 64), ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "\u202f" + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return whole
}

// count writes a whole number.
func count[N int | int64](n N) string { return number(float64(n)) }

// share writes n of all.
func share(n, all int) string {
	if all == 0 {
		return none
	}
	return percent(float64(n) / float64(all))
}

// score writes a score of a credential.
func score(f float64) string { return fmt.Sprintf("%.2f", f) }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

func clockTime(t time.Time) string { return t.UTC().Format("15:04:05.000") }

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
