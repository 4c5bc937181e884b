// What Go's crypto/x509, by which the API server reads and verifies, says of certificates.
//
// The first argument is what to do, standard input has one JSON value, the answer goes to standard output:
//
//	read    a list of certificates in DER: what each says, or why it cannot be read
//	verify  a list of chains: whether a server with these CAs takes the first certificate as a client's
//	make    a seed and a number: so many chains, made at random, for "verify"
package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"math/rand"
	"net"
	"os"
	"time"
)

type reading struct {
	Error     string   `json:"error"`
	User      string   `json:"user"`
	Groups    []string `json:"groups"`
	From      int64    `json:"from"`
	Until     int64    `json:"until"`
	CA        bool     `json:"ca"`
	Length    int      `json:"length"`
	Usages    []string `json:"usages"`
	Critical  bool     `json:"critical"`
	Subject   []byte   `json:"subject"`
	Authority []byte   `json:"authority"`
	Signature []byte   `json:"signature"`
	Names     []string `json:"names"`
	Version   int      `json:"version"`
}

type chain struct {
	Certificates [][]byte `json:"certificates"`
	CAs          [][]byte `json:"cas"`
	At           int64    `json:"at"`
}

var usages = map[x509.ExtKeyUsage]string{
	x509.ExtKeyUsageAny: "any", x509.ExtKeyUsageServerAuth: "server auth",
	x509.ExtKeyUsageClientAuth: "client auth", x509.ExtKeyUsageCodeSigning: "code signing",
	x509.ExtKeyUsageEmailProtection: "email protection", x509.ExtKeyUsageTimeStamping: "timestamping",
	x509.ExtKeyUsageOCSPSigning: "ocsp signing",
}

func read(der []byte) reading {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return reading{Error: err.Error()}
	}
	r := reading{
		User: c.Subject.CommonName, Groups: c.Subject.Organization,
		From: c.NotBefore.Unix(), Until: c.NotAfter.Unix(),
		CA: c.IsCA, Length: -1, Critical: len(c.UnhandledCriticalExtensions) > 0,
		Subject: c.SubjectKeyId, Authority: c.AuthorityKeyId, Signature: c.Signature, Version: c.Version,
	}
	if c.MaxPathLen > 0 || c.MaxPathLenZero {
		r.Length = c.MaxPathLen
	}
	for _, usage := range c.ExtKeyUsage {
		name, known := usages[usage]
		if !known {
			name = "other"
		}
		r.Usages = append(r.Usages, name)
	}
	for _, usage := range c.UnknownExtKeyUsage {
		r.Usages = append(r.Usages, usage.String())
	}
	for _, name := range c.DNSNames {
		r.Names = append(r.Names, "DNS:"+name)
	}
	for _, address := range c.IPAddresses {
		r.Names = append(r.Names, "IP:"+net.IP(address).String())
	}
	return r
}

// Empty where a server takes it.
func verify(c chain) string {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	var leaf *x509.Certificate
	for i, der := range c.Certificates {
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			return "unreadable: " + err.Error()
		}
		if i == 0 {
			leaf = parsed
		} else {
			between.AddCert(parsed)
		}
	}
	for _, der := range c.CAs {
		// As client-go does with a file of CAs: one that cannot be read spoils the file.
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			return "unreadable CA: " + err.Error()
		}
		roots.AddCert(parsed)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: time.Unix(c.At, 0),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return err.Error()
	}
	return ""
}

type certificate struct {
	template *x509.Certificate
	der      []byte
	key      crypto.Signer
}

type maker struct{ *rand.Rand }

func (m maker) oneIn(n int) bool { return m.Intn(n) == 0 }

// Of a few keys one.
func (m maker) key() crypto.Signer {
	seed := sha256.Sum256([]byte(fmt.Sprint(m.Intn(8))))
	switch m.Intn(4) {
	case 0:
		return ed25519.NewKeyFromSeed(seed[:])
	case 1:
		return rsaKey
	default:
		curve := []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()}[m.Intn(3)]
		d := new(big.Int).SetBytes(seed[:])
		d.Mod(d, curve.Params().N)
		raw := make([]byte, (curve.Params().BitSize+7)/8)
		d.FillBytes(raw)
		key, err := ecdsa.ParseRawPrivateKey(curve, raw)
		check(err)
		return key
	}
}

var rsaKey = func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.New(rand.NewSource(1)), 2048)
	check(err)
	return key
}()

const now = 1_700_000_000

func (m maker) certificate(name, above string, issuer *certificate, authority bool) *certificate {
	day := 24 * time.Hour
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(m.Intn(1 << 30))),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Unix(now, 0).Add(-day), NotAfter: time.Unix(now, 0).Add(day),
		BasicConstraintsValid: authority, IsCA: authority, MaxPathLen: -1,
	}
	switch m.Intn(24) {
	case 0:
		template.NotAfter = time.Unix(now, 0).Add(-time.Hour)
	case 1:
		template.NotBefore = time.Unix(now, 0).Add(time.Hour)
	case 2:
		template.NotAfter, template.NotBefore = time.Unix(now, 0), time.Unix(now, 0)
	}
	some := func(lists ...[]x509.ExtKeyUsage) []x509.ExtKeyUsage { return lists[m.Intn(len(lists))] }
	client, server := x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth
	if authority {
		template.KeyUsage = x509.KeyUsageCertSign
		template.ExtKeyUsage = some(nil, nil, nil, nil, nil, nil, []x509.ExtKeyUsage{server}, []x509.ExtKeyUsage{client, server})
		switch m.Intn(12) {
		case 0:
			template.KeyUsage = x509.KeyUsageDigitalSignature
		case 1:
			template.KeyUsage = 0
		case 2:
			template.IsCA, template.MaxPathLen = false, 0
		case 3:
			template.BasicConstraintsValid = false
		case 4, 5:
			template.MaxPathLen, template.MaxPathLenZero = 0, true
		case 6:
			template.MaxPathLen = 1
		}
		if m.oneIn(12) {
			template.PermittedDNSDomainsCritical = m.oneIn(2)
			template.PermittedDNSDomains = []string{"example.com"}
		}
	} else {
		template.KeyUsage = x509.KeyUsageDigitalSignature
		template.ExtKeyUsage = some(nil, []x509.ExtKeyUsage{client}, []x509.ExtKeyUsage{client}, []x509.ExtKeyUsage{server},
			[]x509.ExtKeyUsage{x509.ExtKeyUsageAny}, []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning})
		if m.oneIn(4) {
			template.DNSNames = []string{"host.example.net"}
		}
	}
	if m.oneIn(20) {
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{
			Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: m.oneIn(2), Value: []byte{5, 0},
		})
	}
	m.policies(template)
	made := &certificate{template: template, key: m.key()}
	if m.oneIn(2) {
		sum := sha256.Sum256([]byte(name + fmt.Sprint(m.Intn(3))))
		template.SubjectKeyId = sum[:20]
	}
	parent, signer := template, made.key
	if issuer != nil {
		// What it says of its issuer, which may be somebody else of that name.
		copied := *issuer.template
		parent, signer = &copied, issuer.key
		parent.Subject = pkix.Name{CommonName: above}
		if m.oneIn(10) {
			parent.SubjectKeyId = nil
		}
		if m.oneIn(14) {
			parent.SubjectKeyId = []byte("another key's")
		}
		if m.oneIn(14) {
			signer = m.key()
		}
	}
	parent.PublicKey = nil
	der, err := x509.CreateCertificate(m, template, parent, made.key.Public(), signer)
	check(err)
	made.der = der
	return made
}

// What a chain says of policies: mostly that it has one, sometimes that those below must have it.
func (m maker) policies(template *x509.Certificate) {
	add := func(number int, value any) {
		der, err := asn1.Marshal(value)
		check(err)
		id := asn1.ObjectIdentifier{2, 5, 29, number}
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: id, Critical: m.oneIn(2), Value: der})
	}
	policy := func() asn1.ObjectIdentifier {
		if m.oneIn(8) {
			return asn1.ObjectIdentifier{2, 5, 29, 32, 0}
		}
		return asn1.ObjectIdentifier{1, 2, 3, m.Intn(2)}
	}
	if !m.oneIn(3) {
		type named struct{ ID asn1.ObjectIdentifier }
		list := []named{{policy()}}
		if second := policy(); !second.Equal(list[0].ID) && m.oneIn(2) {
			list = append(list, named{second})
		}
		add(32, list)
	}
	if m.oneIn(8) {
		type pair struct{ Issuer, Subject asn1.ObjectIdentifier }
		add(33, []pair{{policy(), policy()}, {policy(), policy()}}[:1+m.Intn(2)])
	}
	if m.oneIn(8) {
		type constraints struct {
			Require int `asn1:"tag:0,optional,default:-1"`
			Inhibit int `asn1:"tag:1,optional,default:-1"`
		}
		add(36, constraints{m.Intn(4) - 1, m.Intn(4) - 1})
	}
	if m.oneIn(8) {
		add(54, m.Intn(3))
	}
}

func (m maker) chain() chain {
	c := chain{At: now}
	name := func(level int) string { return fmt.Sprintf("CA %d", level) }
	top := 1 + m.Intn(3)
	issuer := m.certificate(name(0), "", nil, true)
	c.CAs = append(c.CAs, issuer.der)
	for m.oneIn(3) {
		// Another of the same name, as after a rotation.
		other := m.certificate(name(0), "", nil, true)
		c.CAs = append(c.CAs, other.der)
		if m.oneIn(2) {
			issuer = other
		}
	}
	m.Shuffle(len(c.CAs), func(i, j int) { c.CAs[i], c.CAs[j] = c.CAs[j], c.CAs[i] })
	var between [][]byte
	for level := 1; level < top; level++ {
		issuer = m.certificate(name(level), name(level-1), issuer, true)
		between = append([][]byte{issuer.der}, between...)
	}
	above := name(top - 1)
	if m.oneIn(20) {
		above = "somebody else"
	}
	leaf := m.certificate("alice", above, issuer, false)
	c.Certificates = append([][]byte{leaf.der}, between...)
	if m.oneIn(20) && len(c.Certificates) > 1 {
		c.Certificates = c.Certificates[:1]
	}
	return c
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answer[Q, A any](each func(Q) A) {
	var questions []Q
	input, err := io.ReadAll(os.Stdin)
	check(err)
	check(json.NewDecoder(bytes.NewReader(input)).Decode(&questions))
	answers := make([]A, 0, len(questions))
	for _, question := range questions {
		answers = append(answers, each(question))
	}
	check(json.NewEncoder(os.Stdout).Encode(answers))
}

func main() {
	switch os.Args[1] {
	case "read":
		answer(read)
	case "verify":
		answer(verify)
	case "make":
		answer(func(seed int64) chain { return maker{rand.New(rand.NewSource(seed))}.chain() })
	}
}
