"""Reads every file below a folder with Python's cryptography and prints what it says as JSON."""
import json
import os
import sys
import warnings

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x448, x25519
from cryptography.utils import CryptographyDeprecationWarning

warnings.simplefilter("ignore", CryptographyDeprecationWarning)
warnings.simplefilter("ignore", UserWarning)


def tried(read):
    """What it says, or nothing where it refuses to say."""
    try:
        return read()
    except Exception:
        return None


def key(public):
    if isinstance(public, rsa.RSAPublicKey):
        return f"RSA-{public.key_size}"
    if isinstance(public, ec.EllipticCurvePublicKey):
        names = {"secp224r1": "P-224", "secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
        return names.get(public.curve.name, "other")
    if isinstance(public, ed25519.Ed25519PublicKey):
        return "Ed25519"
    return "other"


def general_name(name):
    if isinstance(name, x509.DNSName):
        return ["DNS", name.value]
    if isinstance(name, x509.RFC822Name):
        return ["email", name.value]
    if isinstance(name, x509.UniformResourceIdentifier):
        return ["URI", name.value]
    if isinstance(name, x509.IPAddress):
        return ["IP", str(name.value)]
    if isinstance(name, x509.RegisteredID):
        return ["registeredID", name.value.dotted_string]
    if isinstance(name, x509.OtherName):
        return ["otherName", name.type_id.dotted_string]
    return ["dirName", None]


def extension(thing, kind, say, absent):
    try:
        return say(thing.extensions.get_extension_for_class(kind).value)
    except x509.ExtensionNotFound:
        return absent


def common(thing):
    return {
        "subject": tried(lambda: [[a.oid.dotted_string, a.value if isinstance(a.value, str) else None] for a in thing.subject]),
        "names": tried(lambda: extension(thing, x509.SubjectAlternativeName, lambda v: [general_name(n) for n in v], [])),
        "key": tried(lambda: key(thing.public_key())),
    }


def certificate(cert):
    def own_signature():
        if cert.issuer != cert.subject:
            return None
        try:
            cert.verify_directly_issued_by(cert)
            return True
        except InvalidSignature:
            return False

    stamp = lambda t: int(t.timestamp())
    return common(cert) | {
        "kind": "certificate",
        "from": tried(lambda: stamp(cert.not_valid_before_utc)),
        "until": tried(lambda: stamp(cert.not_valid_after_utc)),
        "usages": tried(lambda: extension(cert, x509.ExtendedKeyUsage, lambda v: [o.dotted_string for o in v], False)),
        "ca": tried(lambda: extension(cert, x509.BasicConstraints, lambda v: v.ca, False)),
        "signature": tried(own_signature),
        "serial": tried(lambda: f"{cert.serial_number:x}"),
    }


def request(csr):
    return common(csr) | {"kind": "request", "signature": tried(lambda: csr.is_signature_valid)}


def things(data):
    readers = [
        lambda: [certificate(c) for c in x509.load_pem_x509_certificates(data)],
        lambda: [certificate(x509.load_der_x509_certificate(data))],
        lambda: [request(x509.load_pem_x509_csr(data))],
        lambda: [request(x509.load_der_x509_csr(data))],
    ]
    for reader in readers:
        found = tried(reader)
        if found:
            return found
    return []


def main(top):
    files = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                files[os.path.relpath(path, top)] = things(file.read())
    json.dump(files, sys.stdout)


main(sys.argv[1])
