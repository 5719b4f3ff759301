package main

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

// unreached returns why a server could not be reached, and what to do. passing is set if the cause may pass by itself.
func unreached(address string, err error) (text, remedy string, passing bool) {
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
		return "the certificate of " + address + " is signed by an authority that this machine does not know",
			"If it is a proxy's or your own server's, put the certificate of its authority into a file and name it in SSL_CERT_FILE." + certFileTrouble(), false
	case errors.As(err, &name):
		return fmt.Sprintf("the certificate of %s is not for that name: %v", address, name), "Check the address, and the proxy on the way.", false
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate of " + address + " is not valid at this time: " + invalid.Detail, "Check this machine's clock; if it is right, the certificate has to be renewed.", false
	case errors.As(err, &invalid):
		return fmt.Sprintf("the certificate of %s is not valid: %v", address, invalid), "Its server needs another one.", false
	case errors.As(err, &plain):
		return address + " does not speak TLS", "Check whether the address begins with http:// or https://.", false
	case errors.As(err, &way) && way.Op == "proxyconnect":
		return fmt.Sprintf("the proxy on the way to %s cannot be reached: %v", address, way.Err), "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.", false
	case errors.As(err, &dns) && dns.IsNotFound:
		return "there is no machine of the name " + dns.Name, "Check the address, and this machine's DNS.", false
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at " + address, "Check the address; if it is right, the server is down.", false
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return address + " does not answer in time", "Check the network, and whether a proxy is needed (HTTPS_PROXY); then try again.", true
	}
	return fmt.Sprintf("%s cannot be reached: %v", address, cause(err)), "Check the network, then try again.", true
}

// cause returns the last error of a chain: net/http's texts repeat the address.
func cause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// certFileTrouble returns what is wrong with the file that SSL_CERT_FILE names, since Go does not report it.
func certFileTrouble() string {
	file := os.Getenv("SSL_CERT_FILE")
	if file == "" {
		return ""
	}
	text, err := os.ReadFile(file)
	switch {
	case err != nil:
		return " SSL_CERT_FILE names " + file + ", which cannot be read."
	case !strings.Contains(string(text), "-----BEGIN CERTIFICATE-----"):
		return " SSL_CERT_FILE names " + file + ", which holds no certificate."
	}
	return " SSL_CERT_FILE names " + file + ", which does not hold it."
}
