from motherlode.core.ports import Encoder as Encoder
from motherlode.core.ports import TokenVectors as TokenVectors
from motherlode.errors import ConflictError as ConflictError
from motherlode.errors import DataError as DataError
from motherlode.errors import InputError as InputError
from motherlode.errors import LodeError as LodeError
from motherlode.errors import TrainingError as TrainingError
from motherlode.errors import UnsupportedError as UnsupportedError
from motherlode.retrieval.arrays import from_arrow as from_arrow
from motherlode.retrieval.arrays import from_documents as from_documents
from motherlode.retrieval.build import build_index as build_index
from motherlode.retrieval.clustering import Clusters as Clusters
from motherlode.retrieval.clustering import token_aware_clusters as token_aware_clusters
from motherlode.retrieval.compression import compress_index as compress_index
from motherlode.retrieval.encoders import load_encoder as load_encoder
from motherlode.retrieval.exact import exact_search as exact_search
from motherlode.retrieval.hits import Hits as Hits
from motherlode.retrieval.index import Index as Index
from motherlode.retrieval.index import open_index as open_index
from motherlode.retrieval.kernels import CpuInfo as CpuInfo
from motherlode.retrieval.kernels import cpu as cpu
from motherlode.retrieval.runs import read_trec as read_trec
from motherlode.retrieval.runs import to_ir_measures as to_ir_measures
from motherlode.retrieval.runs import to_ranx as to_ranx
from motherlode.retrieval.runs import to_trec as to_trec
from motherlode.retrieval.stream import VectorDocument as VectorDocument
from motherlode.retrieval.stream import build_index_stream as build_index_stream
from motherlode.retrieval.writer import Writer as Writer
from motherlode.workflows.text_index import build_text_index as build_text_index

__version__: str
__all__: list[str]
