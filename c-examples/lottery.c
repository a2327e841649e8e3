/* Lotteries: lists what can be won, or draws once.
 *
 *   lottery                                          lists
 *   lottery GOODS DRAW_ID EVENT_KEY [CONFIRM_KEY [BEHAVIOR_KEY]]   draws
 *
 * DRAW_ID is "draw-" and something that the game has made and stored before: run it again with
 * the same one after a crash, and it is not drawn twice. GOODS is the file that keeps what was
 * won. Uses the daemon; the player must have signed in (see account.c).
 * Exit: 0 listed or won, 1 not won, 2 trouble. */
#include <stdio.h>
#include <string.h>

#include "alitv_pay.h"
#include "goods.h"

struct game {
  const char *goods_path;
  const char *draw_id;
  int over;
  int status;
};

static void finish(struct game *game, int status) {
  game->over = 1;
  game->status = status;
}

static void listed(const alitv_activity *const *activities, uint32_t count,
                   const alitv_event *event, void *user_data) {
  static const char *const costs[] = {"", "free", "consuming", "mixed"};
  uint32_t i, k;
  (void)event;
  for (i = 0; i < count; i++) {
    const alitv_activity *a = activities[i];
    const char *cost = a->lucky_type <= ALITV_LUCKY_MIXED ? costs[a->lucky_type] : "?";
    printf("%s %s: %s, %ld points a draw, %ld free\n", a->event_key, a->name, cost,
           (long)a->consume_amount, (long)a->access_amount);
    for (k = 0; k < a->awards_count; k++)
      printf("  %ld %s %s\n", (long)a->awards[k]->amount, a->awards[k]->unit,
             a->awards[k]->name);
  }
  finish(user_data, 0);
}

static void not_listed(alitv_result code, const char *text, const alitv_event *event,
                       void *user_data) {
  (void)event;
  fprintf(stderr, "lottery: %s: %s\n", alitv_result_name(code), text);
  finish(user_data, 2);
}

/* Called until it returns non-zero for a win, perhaps by a later run of the game. */
static int drawn(const alitv_draw *draw, const alitv_event *event, void *user_data) {
  struct game *game = user_data;
  int mine = strcmp(draw->draw_id, game->draw_id) == 0;
  (void)event;
  if (draw->state == ALITV_STATE_LOST) {
    printf("lost %s\n", draw->draw_id);
    if (mine) finish(game, 1);
    return 1;
  }
  if (!goods_store(game->goods_path, draw->draw_id, draw->award->name)) return 0;
  printf("won %s: %s\n", draw->draw_id, draw->award->name);
  /* Shipped or sold at a discount: the player goes on with the phone. */
  if (*draw->award->hyperlink_url)
    printf("scan %s: %s\n", draw->award->hyperlink_url, draw->award->hyperlink_desc);
  if (draw->points_left >= 0) printf("%ld points left\n", (long)draw->points_left);
  if (mine) finish(game, 0);
  return 1;
}

/* Nothing was spent: too few points, or nobody is signed in. */
static void denied(alitv_result code, const char *text, const char *draw_id,
                   const alitv_event *event, void *user_data) {
  struct game *game = user_data;
  printf("not drawn %s: %s %s%s\n", draw_id, alitv_result_name(code), event->gateway_code,
         *event->gateway_code ? "" : text);
  if (strcmp(draw_id, game->draw_id) == 0) finish(game, 2);
}

static int listen_to(alitv_client *client, struct game *game) {
  alitv_callbacks callbacks;
  ALITV_STRUCT_INIT(&callbacks);
  callbacks.on_activities = listed;
  callbacks.on_activities_error = not_listed;
  if (game->goods_path) { /* without it a win of an earlier run is not ours to acknowledge */
    callbacks.on_draw = drawn;
    callbacks.on_draw_error = denied;
  }
  return alitv_set_callbacks(client, &callbacks, game) == ALITV_OK;
}

static alitv_result begin(alitv_client *client, int argc, char **argv) {
  alitv_draw_params params;
  if (argc < 4) return alitv_lottery_activities(client, NULL, 0, NULL);
  ALITV_STRUCT_INIT(&params);
  params.draw_id = argv[2];
  params.event_key = argv[3];
  params.confirm_key = argc > 4 ? argv[4] : NULL; /* made by the server */
  params.behavior_key = argc > 5 ? argv[5] : NULL;
  return alitv_lottery_draw(client, &params, 0, NULL);
}

int main(int argc, char **argv) {
  struct game game = {NULL, "", 0, 2};
  alitv_options options;
  alitv_client *client = NULL;
  if (argc == 2 || argc == 3) {
    fprintf(stderr, "usage: lottery [GOODS DRAW_ID EVENT_KEY [CONFIRM_KEY [BEHAVIOR_KEY]]]\n");
    return 2;
  }
  if (argc > 3) game.goods_path = argv[1], game.draw_id = argv[2];
  ALITV_STRUCT_INIT(&options);
  if (alitv_init(&options, &client) != ALITV_OK || !listen_to(client, &game) ||
      begin(client, argc, argv) != ALITV_OK) {
    fprintf(stderr, "lottery: %s\n", alitv_last_error());
    finish(&game, 2);
  }
  while (!game.over && alitv_dispatch(client, 1000) >= 0) continue;
  alitv_destroy(client);
  return game.status;
}
