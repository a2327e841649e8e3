/* The game's side of the promise: goods are kept in a file, one id a line: that of an order, a
 * draw or a gift. Storing is one atomic step: after a crash at any moment the file is either
 * the old one or the new one, and what is told twice is stored once. A game with a save file
 * or a database does the same inside its own transaction. */
#ifndef GOODS_H
#define GOODS_H

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GOODS_LINE_SIZE 1024

/* 1 if the order's goods are in the file. */
static int goods_have(const char *path, const char *order_id) {
  char line[GOODS_LINE_SIZE];
  int found = 0;
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  while (!found && fgets(line, sizeof line, file)) {
    line[strcspn(line, " \n")] = '\0';
    found = strcmp(line, order_id) == 0;
  }
  fclose(file);
  return found;
}

/* Writes what the file holds and one line more into `next`; 1 if all of it is on disk. */
static int goods_write_next(const char *path, const char *next, const char *order_id,
                            const char *goods) {
  char line[GOODS_LINE_SIZE];
  int good = 1;
  FILE *from = fopen(path, "r");
  FILE *to = fopen(next, "w");
  if (to) {
    while (from && fgets(line, sizeof line, from)) good &= fputs(line, to) >= 0;
    good &= fprintf(to, "%s %s\n", order_id, goods) > 0;
    good &= fflush(to) == 0 && fsync(fileno(to)) == 0;
    good &= fclose(to) == 0;
  }
  if (from) fclose(from);
  return to && good;
}

/* Makes the new name of a file survive a power cut. */
static int goods_sync_directory(const char *path) {
  char copy[GOODS_LINE_SIZE];
  int directory, good;
  snprintf(copy, sizeof copy, "%s", path);
  directory = open(dirname(copy), O_RDONLY | O_CLOEXEC);
  if (directory < 0) return 0;
  good = fsync(directory) == 0;
  close(directory);
  return good;
}

/* Stores the goods of an order, once. Returns 1 if they are stored, by this call or by an
 * earlier one, and 0 if they are not: then the payment has to be told again. */
static int goods_store(const char *path, const char *order_id, const char *goods) {
  char next[GOODS_LINE_SIZE];
  if (goods_have(path, order_id)) return 1;
  if (snprintf(next, sizeof next, "%s.next", path) >= (int)sizeof next) return 0;
  if (!goods_write_next(path, next, order_id, goods)) return 0;
  return rename(next, path) == 0 && goods_sync_directory(path);
}

#endif
