"""The bare chain's three processes: a handler that produces, a consumer that forwards, one that delivers."""

from __future__ import annotations

import sys

import httpx
import uvicorn
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from fastapi import FastAPI, Request

from services.kernel.broker import KafkaLogin, client

A, B = "bare.a", "bare.b"


async def handler(login: KafkaLogin, port: str) -> None:
    """POST: produce, and answer when the broker has it."""
    producer = AIOKafkaProducer(**client(login, "bare-handler"), enable_idempotence=True)
    await producer.start()
    app = FastAPI()

    @app.post("/")
    async def take(request: Request) -> dict[str, str]:
        body = await request.body()
        await producer.send_and_wait(A, body)
        return {}

    await uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=int(port), log_level="error")).serve()


async def forward(login: KafkaLogin, _: str) -> None:
    """Consume and produce."""
    producer = AIOKafkaProducer(**client(login, "bare-forward"), enable_idempotence=True)
    consumer = AIOKafkaConsumer(
        A, **client(login, "bare-forward"), group_id="bare-forward", auto_offset_reset="earliest"
    )
    await producer.start()
    await consumer.start()
    async for record in consumer:
        await producer.send_and_wait(B, record.value)


async def deliver(login: KafkaLogin, url: str) -> None:
    """Consume and post to the sink."""
    consumer = AIOKafkaConsumer(
        B, **client(login, "bare-deliver"), group_id="bare-deliver", auto_offset_reset="earliest"
    )
    await consumer.start()
    async with httpx.AsyncClient() as http:
        async for record in consumer:
            await http.post(url, content=record.value, headers={"Content-Type": "application/json"})


def main() -> None:
    what, rest = sys.argv[1:3]
    runs = {"handler": handler, "forward": forward, "deliver": deliver}
    uvloop.run(runs[what](KafkaLogin(), rest))


if __name__ == "__main__":
    main()
