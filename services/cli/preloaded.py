"""What every service imports, imported once, by the process that is forked for each of them.

To import it is to be that process: it ends with the one that started it, and its forks do with it.
"""

import gc

# What `python -m services <name>` comes to import, whatever the name.
import services.cli.main
import services.cli.serving
import services.platform.composition.dependencies  # noqa: F401 - imported for whoever is forked
from services.platform.runtime.parent_death import die_with_parent

die_with_parent()
# What is here stays, and is shared by all: whoever looks through it for garbage copies its pages.
gc.collect()
gc.freeze()
