"""The certificate of the API: kubectl sends its token over TLS only, so there is TLS on loopback too."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airworthy_cluster.private_files import write_private

VALID_DAYS = 3650


def ensure(home: Path) -> tuple[Path, Path]:
    """The certificate and its key, made once; the certificate is its own authority.

    Returns:
        The paths ``<home>/ca.crt`` and ``<home>/tls.key``.
    """
    certificate, key = home / "ca.crt", home / "tls.key"
    if not (certificate.exists() and key.exists()):
        _make(certificate, key)
    return certificate, key


def _make(certificate: Path, key: Path) -> None:
    # imported here: needed once in the life of a cluster, and start-up should be quick
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "airworthy local cluster")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    usage = {
        "digital_signature": True, "key_cert_sign": True, "crl_sign": False, "content_commitment": False,
        "key_encipherment": False, "data_encipherment": False, "key_agreement": False, "encipher_only": False,
        "decipher_only": False,
    }  # fmt: skip
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(key, pem.decode())
    write_private(certificate, built.public_bytes(serialization.Encoding.PEM).decode())
