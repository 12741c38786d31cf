/* cli/picture.h: one picture, drawn by gnuplot from files that stay beside it.
 *
 * A picture NAME in a folder is NAME.tsv (the numbers), NAME.gp (the program), NAME.png
 * and NAME.svg. "gnuplot NAME.gp" in that folder draws it again after an edit. gnuplot is
 * a program that may be missing: then the first two are written all the same. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "sim/status.h"

enum { CLI_PICTURE_PATH = 1024 };

typedef struct CliPicture {
    FILE *data, *program; /* owned; what the caller writes into */
    char folder[CLI_PICTURE_PATH];
    char name[64];
} CliPicture;

/* Colours that people who see fewer of them can still tell apart (Okabe and Ito 2008). */
#define CLI_BLUE "#0072b2"
#define CLI_RED "#d55e00"
#define CLI_GREEN "#009e73"
#define CLI_ORANGE "#e69f00"
#define CLI_SKY "#56b4e9"
#define CLI_PURPLE "#cc79a7"
#define CLI_GREY "#5f6b76"

/* Makes the folder where it is missing and opens both files; the program starts with the
 * common style. `width` and `height` are those of the SVG in points; the PNG has half as
 * many again. On failure nothing is left open. */
SimStatus cli_picture_open(const char *folder, const char *name, int width, int height,
                           CliPicture *out);

/* Text as a gnuplot string in single quotes, written to the program. */
void cli_picture_quote(CliPicture *picture, const char *text);

/* Closes both files and draws. *drawn is false where there is no gnuplot; a gnuplot that
 * complains is an error with its first sentence. */
SimStatus cli_picture_draw(CliPicture *picture, bool *drawn);
