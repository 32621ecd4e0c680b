package admin

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Logins are limited per address and in all: an address may fail 5 times at
// once and then once a minute, all together 30 times at once and then once in
// 2 s. A success gives its try back.
const (
	perAddress, addressRefill = 5, time.Minute
	together, togetherRefill  = 30, 2 * time.Second
	maxAddresses              = 1024
)

// A limiter says who may try to log in. It is safe for concurrent use.
type limiter struct {
	mu        sync.Mutex
	addresses map[netip.Prefix]*tries
	all       tries
}

// tries are those used up; they come back with time.
type tries struct {
	used  float64
	since time.Time
}

func (t *tries) refill(now time.Time, each time.Duration) {
	t.used = max(0, t.used-float64(now.Sub(t.since))/float64(each))
	t.since = now
}

// take uses up a try of the address, or says after which time there is one.
func (l *limiter) take(address netip.Prefix) (wait time.Duration) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.address(address, now)
	one.refill(now, addressRefill)
	l.all.refill(now, togetherRefill)
	wait = max(missing(one.used, perAddress, addressRefill), missing(l.all.used, together, togetherRefill))
	if wait == 0 {
		one.used++
		l.all.used++
	}
	return wait
}

func missing(used float64, most int, each time.Duration) time.Duration {
	return max(0, time.Duration((used+1-float64(most))*float64(each)))
}

// giveBack returns the tries that a success took.
func (l *limiter) giveBack(address netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.addresses, address)
	l.all.used = max(0, l.all.used-1)
}

// address returns the tries of an address. Where there are too many to keep,
// those that have all their tries back are forgotten; if that makes no room, the
// new ones share one.
func (l *limiter) address(address netip.Prefix, now time.Time) *tries {
	if t := l.addresses[address]; t != nil {
		return t
	}
	if len(l.addresses) >= maxAddresses {
		for a, t := range l.addresses {
			if now.Sub(t.since) > perAddress*addressRefill {
				delete(l.addresses, a)
			}
		}
	}
	if len(l.addresses) >= maxAddresses {
		address = netip.Prefix{}
	}
	if l.addresses == nil {
		l.addresses = map[netip.Prefix]*tries{}
	}
	t := l.addresses[address]
	if t == nil {
		t = &tries{since: now}
		l.addresses[address] = t
	}
	return t
}

// addressOf returns the peer's address; of IPv6 the network, since one host has
// all of it.
func addressOf(r *http.Request) netip.Prefix {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	addr, _ := netip.ParseAddr(host)
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	prefix, _ := addr.Prefix(bits)
	return prefix
}
