// The engine that every machine has: four floats to a vector (SSE2, NEON, WebAssembly's), or one where there are none.
#ifndef WIDTH
#define WIDTH 4
#endif
#define OSCINE_ENGINE oscine_engine_portable
#define OSCINE_TEXT "portable"
#define BLOCKS 2
#include "engine.h"
