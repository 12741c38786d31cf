/* viz/source_recording.h: what `apical sim --record` wrote down, step by step.
 *
 * The layout is that of docs/recording.md. Whatever is missing or damaged is left out and
 * said in the subject's note; the rest is shown. */
#pragma once

#include "viz/events.h"
#include "viz/source.h"

/* `events` gets the input events, NULL where the recording has none. Fails, with what
 * came and what to do, on a file that is no recording. */
SimStatus viz_source_recording_open(const char *path, VizSource **out,
                                    VizEvents **events);
