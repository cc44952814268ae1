"""Mail of a stack without a mail server lies in its data folder."""

from __future__ import annotations

import asyncio
import email
import email.message
import email.policy
from pathlib import Path

import aiosmtplib

from deploy.embedded.maildrop import HOST, Maildrop


def _mail(text: str) -> email.message.EmailMessage:
    mail = email.message.EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@demo.invalid", "b@demo.invalid", text
    mail.set_content(text)
    return mail


async def test_every_mail_becomes_a_file_that_only_its_owner_reads(tmp_path: Path):
    drop = Maildrop(tmp_path / "mail")
    port = await drop.start()
    try:
        texts = [f"一哨 {n}" for n in range(8)]
        await asyncio.gather(*(aiosmtplib.send(_mail(text), hostname=HOST, port=port) for text in texts))
    finally:
        await drop.stop()
    files = sorted(drop.folder.glob("*.eml"))
    found = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default)["Subject"] for file in files]
    assert sorted(found) == texts
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert drop.folder.stat().st_mode & 0o777 == 0o700


def test_two_mails_of_one_moment_are_two_files(tmp_path: Path):
    drop = Maildrop(tmp_path)
    for n in range(3):
        drop._write(str(n).encode())
    (first, *_) = sorted(tmp_path.glob("*.eml"))
    assert len(list(tmp_path.glob("*.eml"))) == 3
    assert first.read_bytes() == b"0"
