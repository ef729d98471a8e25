#include "CEdgePlatform.h"
