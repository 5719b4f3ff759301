package diagnosis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
)

// Unreached returns why a server could not be reached, and what to do. passing is set if the cause may pass by itself.
func Unreached(address string, err error) (text, remedy string, passing bool) {
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		plain     tls.RecordHeaderError
		dns       *net.DNSError
		way       *net.OpError
		slow      net.Error
	)
	switch {
	case errors.As(err, &authority):
		return "the certificate of " + address + " is signed by an authority that this machine doesn't trust",
			"If it belongs to a proxy or to your own server, save the authority's certificate in a file " +
				"and set SSL_CERT_FILE to it." + certFileTrouble(), false
	case errors.As(err, &name):
		return fmt.Sprintf("the certificate of %s is for another name: %v", address, name),
			"Check the address, and any proxy in between.", false
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate of " + address + " is not valid at this time: " + invalid.Detail,
			"Check this machine's clock. If it's right, the certificate must be renewed.", false
	case errors.As(err, &invalid):
		return fmt.Sprintf("the certificate of %s is not valid: %v", address, invalid), "Its server needs a new one.", false
	case errors.As(err, &plain):
		return address + " doesn't use TLS", "Check whether the address should begin with http:// or https://.", false
	case errors.As(err, &way) && way.Op == "proxyconnect":
		return fmt.Sprintf("can't reach the proxy for %s: %v", address, way.Err),
			"Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.", false
	case errors.As(err, &dns) && dns.IsNotFound:
		return "there is no host named " + dns.Name, "Check the address and this machine's DNS.", false
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing is listening at " + address, "Check the address. If it's right, the server is down.", false
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return address + " didn't answer in time",
			"Check the network, and whether you need a proxy (HTTPS_PROXY). Then try again.", true
	}
	return fmt.Sprintf("can't reach %s: %v", address, Cause(err)), "Check the network, then try again.", true
}

// Cause returns the last error of a chain: net/http's texts repeat the address.
func Cause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// certFileTrouble describes the fault of the file that SSL_CERT_FILE names; empty if there is none. Go doesn't report
// such a fault.
func certFileTrouble() string {
	file := os.Getenv("SSL_CERT_FILE")
	if file == "" {
		return ""
	}
	text, err := os.ReadFile(file)
	switch {
	case err != nil:
		return " SSL_CERT_FILE is " + file + ", which can't be read."
	case !strings.Contains(string(text), "-----BEGIN CERTIFICATE-----"):
		return " SSL_CERT_FILE is " + file + ", which has no certificate."
	}
	return " SSL_CERT_FILE is " + file + ", which doesn't have it."
}
