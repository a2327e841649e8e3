// The C++ wrapper: who owns what, what errors say, who is called and who acknowledges.
#include "alitv_pay.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#define CHECK(condition)                                                    \
  do {                                                                      \
    if (!(condition)) {                                                     \
      std::fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, \
                   alitv_last_error());                                     \
      std::exit(1);                                                         \
    }                                                                       \
  } while (0)

namespace {

static_assert(!std::is_copy_constructible<alitv::Client>::value, "move-only");
static_assert(!std::is_copy_assignable<alitv::Client>::value, "move-only");
static_assert(std::is_nothrow_move_constructible<alitv::Client>::value, "move-only");
static_assert(std::is_nothrow_move_assignable<alitv::Client>::value, "move-only");

const int kLongMs = 30000;  // generous: nothing here may depend on the speed of the machine

alitv::PayParams gems(const char *order_id) {
  alitv::PayParams params;
  params.order_id = order_id;
  params.title = "60 gems";
  params.amount_fen = 600;
  return params;
}

alitv::Client open_client() {
  alitv::Client client;
  const alitv::Result opened = client.open(alitv::Options());
  CHECK(opened && opened.why().empty() && client.is_open());
  return client;
}

const alitv_event &await_kind(alitv::Client &client, alitv_event_kind kind) {
  for (;;) {
    alitv::Result result;
    const alitv_event *event = client.next_event(kLongMs, &result);
    CHECK(event && result);
    if (event->kind == kind) return *event;
  }
}

void ownership() {
  alitv::Client first = open_client();
  alitv_client *handle = first.get();
  alitv::Client second(std::move(first));
  CHECK(!first.is_open() && second.get() == handle && alitv_fd(handle) >= 0);
  alitv::Client third = open_client();
  alitv_client *gone = third.get();
  third = std::move(second);
  CHECK(third.get() == handle && alitv_fd(gone) == ALITV_E_HANDLE);
  alitv::Client &same = third;
  third = std::move(same);
  CHECK(third.get() == handle && third.fd() >= 0);
  third.close();
  CHECK(!third.is_open() && alitv_fd(handle) == ALITV_E_HANDLE);
  third.close();
}

void errors() {
  alitv::Client closed;
  const alitv::Asked never = closed.pay(gems("A"));
  CHECK(!never && never.code() == ALITV_E_NULL && !never.follows() && never.id().empty());
  alitv::Options embedded;
  embedded.mode = ALITV_MODE_EMBEDDED;
  const alitv::Result opened = closed.open(embedded);
  CHECK(!opened && opened.why().find("app_key") != std::string::npos && !closed.is_open());

  alitv::Client client = open_client();
  alitv::PayParams params = gems("A");
  params.amount_fen = 0;
  const alitv::Asked asked = client.pay(params);
  CHECK(asked.code() == ALITV_E_INVALID && std::strcmp(asked.name(), "ALITV_E_INVALID") == 0);
  CHECK(asked.why().find("amount_fen") != std::string::npos);
  params = gems("A");
  params.title = std::string(10000, 'x');
  CHECK(client.pay(params).code() == ALITV_E_STRING);
  params.title = std::string("60\0gems", 7);
  const alitv::Asked half = client.pay(params);
  CHECK(half.code() == ALITV_E_STRING && half.why().find("title") != std::string::npos);
  CHECK(client.cancel(std::string("A\0B", 3)).code() == ALITV_E_STRING);
  CHECK(client.pay_from_server(gems("A")).code() == ALITV_E_NULL);
  CHECK(client.repay(alitv::RepayParams()).code() < 0);
  CHECK(client.lottery_draw(alitv::DrawParams()).code() == ALITV_E_NULL);
  CHECK(client.gift_take(0).code() == ALITV_E_INVALID);
  CHECK(client.auth(7).code() == ALITV_E_INVALID);
  alitv::WebParams page;
  page.params["a"] = std::string(513, 'x');
  CHECK(client.web_open(page).code() == ALITV_E_STRING);
  CHECK(client.web_closed("").code() == ALITV_E_STRING);
  CHECK(client.log_switch(9).code() == ALITV_E_INVALID);
  CHECK(!client.is_auth());
#ifdef ALITV_EXCEPTIONS
  try {
    client.pay(params).or_throw();
    CHECK(false);
  } catch (const alitv::Exception &error) {
    CHECK(std::strstr(error.what(), "ALITV_E_STRING: title"));
    CHECK(error.result().code() == ALITV_E_STRING);
  }
#endif
}

void pulled() {
  alitv::Client client = open_client();
  await_kind(client, ALITV_EVENT_ONLINE);
  const alitv::Asked listed = client.orders();
  CHECK(listed.follows());
  const alitv_event &event = await_kind(client, ALITV_EVENT_ORDERS);
  CHECK(event.op == listed.op());
  std::size_t seen = 0;
  for (const alitv_order &order : alitv::orders(event)) {
    CHECK(std::strcmp(order.order_id, "left") == 0 && alitv::awards(order).empty());
    ++seen;
  }
  CHECK(seen == 1 && alitv::orders(event).size() == 1 && alitv::gifts(event).empty());
  for (const alitv_award &award : alitv::awards(event)) CHECK(!award.name);
  const alitv::Asked paid = client.pay(gems(""));
  CHECK(paid && paid.id().size() > 20);
  const alitv_event *told = &await_kind(client, ALITV_EVENT_ORDER);
  while (told->state != ALITV_STATE_PAID) told = &await_kind(client, ALITV_EVENT_ORDER);
  CHECK(paid.id() == told->order_id);
  CHECK(client.ack(told->order_id, told->sequence).follows());
  CHECK(client.request("status", "{}", 7));
  while (await_kind(client, ALITV_EVENT_REPLY).tag != 7) continue;
  CHECK(client.interrupt());
}

struct Shop : alitv::Listener {
  int online = 0, qrs = 0, paid = 0, events = 0, errors = 0;
  bool store = true;
  bool close = false;
  alitv::Client *client = nullptr;

  void on_event(const alitv_event &) override { ++events; }
  void on_init_finish() override { ++online; }
  void on_qr(const alitv_event &event) override {
    alitv::Modules code;
    CHECK(alitv::qr_encode(event.qr_text, &code) && code.side >= 21);
    CHECK(code.is_dark(0, 0) && !code.is_dark(0, 7));
    ++qrs;
  }
  bool on_pay_success(const alitv_event &event) override {
    CHECK(event.state == ALITV_STATE_PAID && event.amount_fen == 600);
    ++paid;
#ifdef ALITV_EXCEPTIONS
    if (!store) throw 7;
#endif
    if (close) client->close();
    return store;
  }
  void on_pay_error(alitv_result code, const char *text, const alitv_event &event) override {
    CHECK(code == ALITV_E_CONFLICT && *text && event.amount_fen == 600);
    ++errors;
  }
};

void listened() {
  Shop shop;
  alitv::Client client = open_client();
  CHECK(client.set_listener(&shop));
  CHECK(client.pay(gems("left"))); // exists with another amount
  while (!shop.errors) CHECK(client.dispatch(kLongMs) >= 0);
  CHECK(shop.online == 1);

  shop.store = false;
  CHECK(client.pay(gems("told-again")));
#ifdef ALITV_EXCEPTIONS
  bool thrown = false;
  while (!thrown) {
    try {
      CHECK(client.dispatch(kLongMs) >= 0);
    } catch (int number) {
      thrown = number == 7;
    }
  }
#else
  while (!shop.paid) CHECK(client.dispatch(kLongMs) >= 0);
#endif
  CHECK(shop.paid == 1);
  // Not stored, so a new client is told again, and stores.
  client = open_client();
  shop.store = shop.close = true;
  shop.client = &client;
  CHECK(client.set_listener(&shop));
  while (client.is_open()) CHECK(client.dispatch(kLongMs) >= 0);
  CHECK(shop.paid == 2 && shop.online == 2 && shop.events > 4);
  CHECK(client.dispatch(0) == ALITV_E_NULL);
}

// Writes down which function was called, and what it was given.
struct Recorder : alitv::Listener {
  std::string said;
  bool stored = false;

  void on_auth_qr(const alitv_event &) override { said = "auth_qr"; }
  void on_auth_success(std::uint32_t from, const alitv_event &) override {
    said = "auth_success " + std::to_string(from);
  }
  void on_auth_error(alitv_result code, const char *text, const alitv_event &) override {
    said = "auth_error " + std::to_string(code) + text;
  }
  void on_auth_cancel(const alitv_event &) override { said = "auth_cancel"; }
  void on_logout(const alitv_event &) override { said = "logout"; }
  void on_user_info(const alitv_user &user, const alitv_event &) override {
    said = std::string("user ") + user.user_id;
  }
  void on_user_info_error(alitv_result, const char *text, const alitv_event &) override {
    said = std::string("user_error") + text;
  }
  void on_web_open(const char *url, const alitv_event &) override {
    said = std::string("web_open ") + url;
  }
  void on_web_close(const alitv_event &) override { said = "web_close"; }
  void on_activities(const alitv::List<alitv_activity> &all, const alitv_event &) override {
    said = "activities " + std::to_string(all.size());
  }
  void on_activities_error(alitv_result, const char *text, const alitv_event &) override {
    said = std::string("activities_error") + text;
  }
  bool on_draw(const alitv_draw &draw, const alitv_event &) override {
    said = std::string("draw ") + draw.draw_id;
    return stored;
  }
  void on_draw_error(alitv_result, const char *, const char *id, const alitv_event &) override {
    said = std::string("draw_error ") + id;
  }
  void on_gift_list(const alitv::List<alitv_gift> &all, const alitv_event &) override {
    said = "gifts " + std::to_string(all.size());
  }
  void on_gift_list_error(alitv_result, const char *text, const alitv_event &) override {
    said = std::string("gifts_error") + text;
  }
  bool on_gift(const alitv_gift_taking &gift, const alitv_event &) override {
    said = std::string("gift ") + gift.id;
    return stored;
  }
  void on_gift_error(alitv_result, const char *, std::int64_t id, const alitv_event &) override {
    said = "gift_error " + std::to_string(id);
  }
  void on_init_error(alitv_result code, const char *text) override {
    said = "init_error " + std::to_string(code) + text;
  }
  void on_pay_cancel(const alitv_event &) override { said = "pay_cancel"; }
};

// Each entry of the table leads to the function of its name.
void mapped() {
  const alitv_callbacks table = alitv::detail::callbacks();
  Recorder recorder;
  alitv_event event;
  alitv_user user;
  alitv_draw draw;
  alitv_gift gift;
  alitv_gift_taking taking;
  alitv_activity activity;
  std::memset(&event, 0, sizeof event);
  std::memset(&activity, 0, sizeof activity);
  std::memset(&gift, 0, sizeof gift);
  user.user_id = "u1";
  draw.draw_id = "draw-1";
  taking.id = "gift-1";
  const alitv_activity *const activities[] = {&activity, nullptr};
  const alitv_gift *const gifts[] = {&gift, &gift, nullptr};
  const auto said = [&](const char *text) {
    const bool same = recorder.said == text;
    if (!same) std::fprintf(stderr, "%s, not %s\n", recorder.said.c_str(), text);
    recorder.said.clear();
    return same;
  };
  table.on_init_error(-1, "x", &recorder);
  CHECK(said("init_error -1x"));
  table.on_pay_cancel("t", 1, &event, &recorder);
  CHECK(said("pay_cancel"));
  table.on_auth_qr("q", 1, &event, &recorder);
  CHECK(said("auth_qr"));
  table.on_auth_success(2, &event, &recorder);
  CHECK(said("auth_success 2"));
  table.on_auth_error(-5, "x", &event, &recorder);
  CHECK(said("auth_error -5x"));
  table.on_auth_cancel(&event, &recorder);
  CHECK(said("auth_cancel"));
  table.on_logout(&event, &recorder);
  CHECK(said("logout"));
  table.on_user_info(&user, &event, &recorder);
  CHECK(said("user u1"));
  table.on_user_info_error(-1, "x", &event, &recorder);
  CHECK(said("user_errorx"));
  table.on_web_open("u", &event, &recorder);
  CHECK(said("web_open u"));
  table.on_web_close(&event, &recorder);
  CHECK(said("web_close"));
  table.on_activities_error(-1, "x", &event, &recorder);
  CHECK(said("activities_errorx"));
  table.on_gift_list_error(-1, "x", &event, &recorder);
  CHECK(said("gifts_errorx"));
  event.activities = activities, event.count = 1;
  table.on_activities(activities, 1, &event, &recorder);
  CHECK(said("activities 1"));
  event.gifts = gifts, event.count = 2;
  table.on_gift_list(gifts, 2, &event, &recorder);
  CHECK(said("gifts 2"));
  CHECK(table.on_draw(&draw, &event, &recorder) == 0 && said("draw draw-1"));
  CHECK(table.on_gift(&taking, &event, &recorder) == 0 && said("gift gift-1"));
  recorder.stored = true;
  CHECK(table.on_draw(&draw, &event, &recorder) == 1 && said("draw draw-1"));
  CHECK(table.on_gift(&taking, &event, &recorder) == 1 && said("gift gift-1"));
  table.on_draw_error(-1, "x", "draw-2", &event, &recorder);
  CHECK(said("draw_error draw-2"));
  table.on_gift_error(-1, "x", 7, &event, &recorder);
  CHECK(said("gift_error 7"));
  // What nobody overrides delivers nothing, and so settles nothing.
  alitv::Listener nobody;
  CHECK(table.on_pay_success("A", "t", 1, &event, &nobody) == 0);
  CHECK(table.on_draw(&draw, &event, &nobody) == 0);
  CHECK(table.on_gift(&taking, &event, &nobody) == 0);
}

}  // namespace

int main() {
  mapped();
  ownership();
  errors();
  pulled();
  listened();
  return 0;
}
