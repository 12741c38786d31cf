/* nets/optimiser_internal.h: the words of the optimiser's choices. */
#pragma once

enum { NET_SGD, NET_ADAM, NET_ADAMW };
enum { NET_SCHEDULE_CONSTANT, NET_SCHEDULE_COSINE, NET_SCHEDULE_STEP, NET_SCHEDULE_LIST };
