"""In a function's process, which finds this file by PYTHONPATH: pauses are as short as the emulator's minutes."""

import os
import time

_sleep = time.sleep
_scale = float(os.environ["CLOCK_SCALE"])

time.sleep = lambda seconds: _sleep(float(seconds) / _scale)
