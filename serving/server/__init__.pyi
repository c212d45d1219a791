from .access import Access as Access
from .app import build_app as build_app
from .limits import ServerLimits as ServerLimits
from .model_store import ModelStore as ModelStore
from .running import serve as serve
