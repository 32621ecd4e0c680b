package calibrate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// An answer is remembered just after its end was written, so that a client may
// ask too early.
const (
	askAgain  = 20 * time.Millisecond
	askAtMost = 50
)

// ask collects the truth of so many answers from the server at url, or of as many
// as it has told of when a second has passed: what failed has none.
func ask(ctx context.Context, url string, roots *x509.CertPool, want int) (truth, error) {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	defer client.CloseIdleConnections()
	var all truth
	for range askAtMost {
		told, err := askOnce(ctx, client, url)
		if err != nil {
			return truth{}, fmt.Errorf("calibrate: the server's truth: %w: is %s a firstbyte calibrate serve?", err, url)
		}
		all.Pace, all.Answers = told.Pace, append(all.Answers, told.Answers...)
		if len(all.Answers) >= want {
			break
		}
		select {
		case <-ctx.Done():
			return truth{}, ctx.Err()
		case <-time.After(askAgain):
		}
	}
	return all, nil
}

func askOnce(ctx context.Context, client *http.Client, url string) (told truth, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+truthPath, http.NoBody)
	if err != nil {
		return told, err
	}
	response, err := client.Do(request)
	if err != nil {
		return told, err
	}
	defer func() { _ = response.Body.Close() }() // what it could say was read
	if response.StatusCode != http.StatusOK {
		return told, fmt.Errorf("status %s", response.Status)
	}
	return told, json.NewDecoder(response.Body).Decode(&told)
}
