"""Latency over time, and its percentiles in each window."""

from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.reports import formatting
from gauntlet.reports.render.sections.page import Page

COLUMNS = ("p50", "p90", "p99", "p999", "max")
PARTS = {"response": "ack", "service": "service", "lag": "lag"}  # by their names in the result

KIND = SectionKind("latency", "percentiles of latency by window")


def context(page: Page) -> dict[str, Any] | None:
    if not page.result["series"]:
        return None
    latency = page.result["latency"]
    return {
        "picture": page.pictures.get("latency"),
        "columns": COLUMNS,
        "rows": [
            {
                "window": window["name"],
                **{kind: _cells(latency[kind][window["name"]]) for kind in ("ack", "delivery")},
            }
            for window in page.result["windows"]
            if latency["ack"][window["name"]]["samples"]
        ],
        "parts": _parts(page.result),
        "distribution": page.pictures.get("distribution"),
        "lag": formatting.ms(latency["lag"]["steady"]["p99"]),
        "lag_budget": formatting.ms(page.manifest["scenario"]["load"]["lag_budget_ms"]),
    }


def _parts(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return response beside service beside lag; results of older versions have no service."""
    latency = result["latency"]
    if "service" not in latency:
        return []
    return [
        {
            "window": window["name"],
            "cells": [
                formatting.quantile(latency[kind][window["name"]], column)
                for kind in PARTS.values()
                for column in ("p50", "p99", "max")
            ],
        }
        for window in result["windows"]
        if latency["ack"][window["name"]]["samples"]
    ]


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        *(formatting.quantile(row, column) for column in COLUMNS),
        formatting.number(row["samples"]),
    ]
