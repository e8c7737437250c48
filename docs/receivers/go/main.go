// Verifies a callback of Ringback with Go alone.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const tolerance = 5 * time.Minute

// Event has what most receivers need; the body has more.
type Event struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      struct {
		Sequence     int `json:"sequence"`
		Verification struct {
			ID        string  `json:"id"`
			Status    string  `json:"status"`
			Reason    *string `json:"reason"`
			Reference *string `json:"reference"`
		} `json:"verification"`
	} `json:"data"`
}

// VerifyCallback returns the event, or an error when Ringback did not send it, or not just now. The secret is the
// whsec_ one, and the body is as it came, before anything parses it.
func VerifyCallback(secret string, header http.Header, body []byte) (*Event, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) < 24 {
		return nil, errors.New("the secret is not the whsec_ one of CALLBACK_SECRET")
	}
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	signatures := header.Get("webhook-signature")
	if id == "" || timestamp == "" || signatures == "" {
		return nil, errors.New("a webhook header is missing")
	}

	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	matches := false
	for _, signature := range strings.Split(signatures, " ") {
		matches = matches || hmac.Equal([]byte(signature), expected)
	}
	if !matches {
		return nil, errors.New("no signature matches")
	}

	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return nil, errors.New("the timestamp is no number")
	}
	if age := time.Since(time.Unix(seconds, 0)); age > tolerance || age < -tolerance {
		return nil, fmt.Errorf("the timestamp is %.0f s old", age.Seconds())
	}
	event := &Event{}
	return event, json.Unmarshal(body, event)
}

// Run by itself it checks one callback, {"headers": {…}, "body": "…"} on standard input.
func main() {
	var callback struct {
		Headers map[string]string
		Body    string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&callback); err != nil {
		fmt.Println("invalid:", err)
		os.Exit(1)
	}
	header := http.Header{}
	for name, value := range callback.Headers {
		header.Set(name, value)
	}
	event, err := VerifyCallback(os.Getenv("CALLBACK_SECRET"), header, []byte(callback.Body))
	if err != nil {
		fmt.Println("invalid:", err)
		os.Exit(1)
	}
	fmt.Printf("valid: %s of %s\n", event.Type, event.Timestamp)
}
