"""stub for the moment"""
from __future__ import annotations
from dataclasses import dataclass
@dataclass
class Entry:
    fault: str
    host: str
FAULTS: dict = {}
def forget(): ...
def recorded(): return []
