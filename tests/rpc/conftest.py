import sys
from pathlib import Path

# importlib mode puts no test folder on the path; the probe service is shared by these files.
sys.path.insert(0, str(Path(__file__).parent))
