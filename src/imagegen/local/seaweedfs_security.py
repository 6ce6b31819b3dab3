"""Closes every port of SeaweedFS except that of S3, which requires keys itself.

SeaweedFS reads `security.toml` in its working directory (`weed scaffold -config=security` shows all options). Its parts
use gRPC and HTTP with each other. Both accept only callers with the self-signed certificate beside the file. Signing
keys are a second barrier: without a token signed by them, volumes and the filer refuse every request.
"""

import secrets
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from imagegen.local.credentials import load_or_create
from imagegen.local.server import LOOPBACK

_FILE, _CERTIFICATE, _KEY = "security.toml", "security.crt", "security.key"
_PAIR = f'cert = "{_CERTIFICATE}"\nkey = "{_KEY}"\n'
_WITH_AUTHORITY = f'{_PAIR}ca = "{_CERTIFICATE}"\n'
_GRPC = ("volume", "master", "filer", "s3", "msg_broker", "msg_agent", "admin", "worker", "mq", "client")
_HTTPS = ("volume", "master", "filer", "admin", "client")
_SIGNING = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
_VALID_FOR = timedelta(days=100 * 365)
_CLOCK_SKEW = timedelta(days=1)


def secure(directory: Path) -> None:
    """Create the file and the certificate if they are missing, readable by this user only."""
    directory.mkdir(mode=0o700, exist_ok=True)
    if not (directory / _CERTIFICATE).exists():
        (directory / _KEY).unlink(missing_ok=True)
    key = load_or_create(directory / _KEY, _new_key)
    load_or_create(directory / _CERTIFICATE, lambda: _certificate(key))
    load_or_create(directory / _FILE, _new_config)


def _new_config() -> str:
    sections = [f'[{name}]\nkey = "{secrets.token_hex(32)}"\n' for name in _SIGNING]
    sections += ["[filer.expose_directory_metadata]\nenabled = false\n", f'[grpc]\nca = "{_CERTIFICATE}"\n']
    sections += [f"[grpc.{part}]\n{_PAIR}" for part in _GRPC]
    sections += [f"[https.{part}]\n{_WITH_AUTHORITY}" for part in _HTTPS]
    return "\n".join([*sections[:-1], f"{sections[-1]}enabled = true\n"])


def _new_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _certificate(key_text: str) -> str:
    key = load_pem_private_key(key_text.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "imagegen")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _VALID_FOR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()
