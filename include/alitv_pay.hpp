/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * alitv_pay.hpp - alitv_pay.h for C++11 and later: header only, move-only handles, std::string
 * in parameters, a listener with virtual functions. What each call means, which events follow
 * and on which thread is said in alitv_pay.h; here stands only what C++ adds.
 *
 *   struct Shop : alitv::Listener {
 *     void on_qr(const alitv_event &event) override { show(event.qr_text); }
 *     bool on_pay_success(const alitv_event &event) override { return store(event.order_id); }
 *   };
 *
 *   Shop shop;
 *   alitv::Client client;
 *   alitv::Result opened = client.open(alitv::Options());
 *   if (!opened) return fail(opened.why());
 *   alitv::Result set = client.set_listener(&shop);
 *   alitv::PayParams params;
 *   params.title = "60 gems";
 *   params.amount_fen = 600;
 *   alitv::Asked asked = client.pay(params);
 *   if (!asked) return fail(asked.why());
 *   while (running) client.dispatch(0);
 *
 * Usable with -fno-exceptions and -fno-rtti: errors are return values, and a listener must not
 * throw. With ALITV_EXCEPTIONS defined in every file of the program, Result::or_throw throws
 * alitv::Exception, and what a listener throws comes out of Client::dispatch.
 *
 * Functions are noexcept but for lack of memory. Threads as in alitv_pay.h, but an object of
 * these classes belongs to one thread at a time, as every object of C++: for calls from other
 * threads use Client::get with the functions of alitv_pay.h.
 */
#ifndef ALITV_PAY_HPP
#define ALITV_PAY_HPP

#include "alitv_pay.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#ifdef ALITV_EXCEPTIONS
#include <exception>
#endif

namespace alitv {

/// What a call said: ALITV_OK, or a negative ALITV_E_* and why.
class Result {
 public:
  Result() noexcept : code_(ALITV_OK) {}

  /// Keeps what alitv_last_error says, if `code` is negative.
  explicit Result(alitv_result code) : code_(code), why_(code < 0 ? alitv_last_error() : "") {}

  Result(alitv_result code, const std::string &why) : code_(code), why_(why) {}

  bool ok() const noexcept { return code_ >= 0; }
  explicit operator bool() const noexcept { return ok(); }
  alitv_result code() const noexcept { return code_; }

  /// Such as "ALITV_E_INVALID".
  const char *name() const noexcept { return alitv_result_name(code_); }

  /// Which field, which bound: a sentence for programmers. "" if ok.
  const std::string &why() const noexcept { return why_; }

#ifdef ALITV_EXCEPTIONS
  /// Throws Exception unless ok.
  const Result &or_throw() const;
#endif

 private:
  alitv_result code_;
  std::string why_;
};

/// A request that was accepted, or why it was not.
class Asked : public Result {
 public:
  Asked(const Result &result, alitv_op op, const std::string &id)
      : Result(result), op_(op), id_(id) {}

  /// Events with this op follow. False without an error: alitv_auth had nothing to do, since
  /// the player has authorised the app already; or alitv_web_open has no page to show.
  bool follows() const noexcept { return op_ != 0; }
  alitv_op op() const noexcept { return op_; }

  /// What the request was about: of a payment its order id, of a draw its draw id, also where
  /// the library made it.
  const std::string &id() const noexcept { return id_; }

 private:
  alitv_op op_;
  std::string id_;
};

#ifdef ALITV_EXCEPTIONS
/// Thrown by Result::or_throw.
class Exception : public std::exception {
 public:
  explicit Exception(const Result &result)
      : result_(result), text_(std::string(result.name()) + ": " + result.why()) {}

  const char *what() const noexcept override { return text_.c_str(); }
  const Result &result() const noexcept { return result_; }

 private:
  Result result_;
  std::string text_;
};

inline const Result &Result::or_throw() const {
  if (!ok()) throw Exception(*this);
  return *this;
}
#endif

/// A list of the C header, to walk through: `for (const alitv_gift &gift : gifts)`. Valid as
/// long as the event it belongs to.
template <typename T>
class List {
 public:
  class iterator {
   public:
    explicit iterator(const T *const *at) noexcept : at_(at) {}
    const T &operator*() const noexcept { return **at_; }
    const T *operator->() const noexcept { return *at_; }
    iterator &operator++() noexcept {
      ++at_;
      return *this;
    }
    bool operator==(const iterator &other) const noexcept { return at_ == other.at_; }
    bool operator!=(const iterator &other) const noexcept { return at_ != other.at_; }

   private:
    const T *const *at_;
  };

  List(const T *const *items, std::size_t size) noexcept
      : items_(items), size_(items ? size : 0) {}

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  const T &operator[](std::size_t at) const noexcept { return *items_[at]; }
  iterator begin() const noexcept { return iterator(items_); }
  iterator end() const noexcept { return iterator(items_ ? items_ + size_ : items_); }

 private:
  const T *const *items_;
  std::size_t size_;
};

/// The lists of an event; empty if it is of another kind.
inline List<alitv_order> orders(const alitv_event &event) noexcept {
  return List<alitv_order>(event.orders, event.count);
}
inline List<alitv_activity> activities(const alitv_event &event) noexcept {
  return List<alitv_activity>(event.activities, event.count);
}
inline List<alitv_gift> gifts(const alitv_event &event) noexcept {
  return List<alitv_gift>(event.gifts, event.count);
}
inline List<alitv_award> awards(const alitv_event &event) noexcept {
  return List<alitv_award>(event.awards, event.awards_count);
}
inline List<alitv_award> awards(const alitv_order &order) noexcept {
  return List<alitv_award>(order.awards, order.awards_count);
}
inline List<alitv_award> awards(const alitv_activity &activity) noexcept {
  return List<alitv_award>(activity.awards, activity.awards_count);
}

/// As alitv_options. An empty string stands for NULL, here and in all that follows.
struct Options {
  std::uint32_t mode = ALITV_MODE_DAEMON;
  std::uint32_t events_max = 0;
  std::uint32_t log_level = ALITV_LOG_OFF;
  bool multiple = false;
  std::uint32_t environment = ALITV_ENVIRONMENT_PRODUCTION;
  std::string socket_path;
  std::string token;
  std::string app_key;
  std::string config_path;
  std::string app_secret;
  std::string gateway_url;
  std::string journal_dir;
};

/// As alitv_pay_params.
struct PayParams {
  std::string order_id;
  std::string title;
  std::int64_t amount_fen = 0;
  std::string subject_id;
  std::string notify_url;
  std::uint32_t expires_s = 0;
};

/// As alitv_repay_params.
struct RepayParams {
  std::uint32_t interval = ALITV_INTERVAL_MONTH;
  std::vector<std::int64_t> prices_fen;
  std::string order_id;
  std::string title;
  std::string subject;
  std::string description;
  std::string subject_id;
  std::string notify_url;
  std::uint32_t expires_s = 0;
};

/// As alitv_web_params.
struct WebParams {
  std::uint32_t kind = ALITV_WEB_CUSTOM;
  std::map<std::string, std::string> params;
  std::uint32_t timeout_s = 0;
};

/// As alitv_draw_params.
struct DrawParams {
  std::string event_key;
  std::string confirm_key;
  std::string behavior_key;
  std::string draw_id;
};

/// A QR code: dark or light modules, side by side, without a border.
struct Modules {
  std::uint32_t side = 0;
  std::vector<std::uint8_t> dark;

  bool is_dark(std::uint32_t x, std::uint32_t y) const {
    return dark[static_cast<std::size_t>(y) * side + x] != 0;
  }
};

/// As alitv_callbacks: override what is wanted. Events and what they point to are valid until
/// the function returns.
///
/// A PAID order, a WON draw and a GRANTED gift are acknowledged when their function returns
/// true: the goods are stored. The functions of this class return false, so that what nobody
/// delivers comes again. All other final states are acknowledged when their function returns,
/// that of this class included.
class Listener {
 public:
  Listener() = default;
  virtual ~Listener() = default;

  virtual void on_event(const alitv_event &) {}
  virtual void on_init_finish() {}
  virtual void on_init_error(alitv_result, const char *) {}

  virtual void on_qr(const alitv_event &) {}
  virtual bool on_pay_success(const alitv_event &) { return false; }
  virtual void on_pay_error(alitv_result, const char *, const alitv_event &) {}
  virtual void on_pay_cancel(const alitv_event &) {}

  virtual void on_auth_qr(const alitv_event &) {}
  virtual void on_auth_success(std::uint32_t, const alitv_event &) {}
  virtual void on_auth_error(alitv_result, const char *, const alitv_event &) {}
  virtual void on_auth_cancel(const alitv_event &) {}
  virtual void on_logout(const alitv_event &) {}
  virtual void on_user_info(const alitv_user &, const alitv_event &) {}
  virtual void on_user_info_error(alitv_result, const char *, const alitv_event &) {}

  virtual void on_web_open(const char *, const alitv_event &) {}
  virtual void on_web_close(const alitv_event &) {}

  virtual void on_activities(const List<alitv_activity> &, const alitv_event &) {}
  virtual void on_activities_error(alitv_result, const char *, const alitv_event &) {}
  virtual bool on_draw(const alitv_draw &, const alitv_event &) { return false; }
  virtual void on_draw_error(alitv_result, const char *, const char *, const alitv_event &) {}

  virtual void on_gift_list(const List<alitv_gift> &, const alitv_event &) {}
  virtual void on_gift_list_error(alitv_result, const char *, const alitv_event &) {}
  virtual bool on_gift(const alitv_gift_taking &, const alitv_event &) { return false; }
  virtual void on_gift_error(alitv_result, const char *, std::int64_t, const alitv_event &) {}

#ifdef ALITV_EXCEPTIONS
  /// What a function of this listener threw, for Client::dispatch.
  std::exception_ptr thrown;
#endif
};

namespace detail {

#ifdef ALITV_EXCEPTIONS
/// No exception may cross the C code that calls a listener. Nothing that threw is settled.
#define ALITV_HPP_CALL(call, otherwise)                          \
  Listener &listener = *static_cast<Listener *>(user_data);      \
  try {                                                          \
    return call;                                                 \
  } catch (...) {                                                \
    if (!listener.thrown) listener.thrown = std::current_exception(); \
    return otherwise;                                            \
  }
#else
#define ALITV_HPP_CALL(call, otherwise)                     \
  Listener &listener = *static_cast<Listener *>(user_data); \
  return call
#endif
#define ALITV_HPP_VOID static_cast<void>(0)

extern "C" {
inline void alitv_hpp_event(const alitv_event *event, void *user_data) {
  ALITV_HPP_CALL(listener.on_event(*event), ALITV_HPP_VOID);
}
inline void alitv_hpp_init_finish(void *user_data) {
  ALITV_HPP_CALL(listener.on_init_finish(), ALITV_HPP_VOID);
}
inline void alitv_hpp_init_error(alitv_result code, const char *text, void *user_data) {
  ALITV_HPP_CALL(listener.on_init_error(code, text), ALITV_HPP_VOID);
}
inline void alitv_hpp_qr(const char *, const char *, std::uint32_t, const alitv_event *event,
                         void *user_data) {
  ALITV_HPP_CALL(listener.on_qr(*event), ALITV_HPP_VOID);
}
inline int alitv_hpp_pay_success(const char *, const char *, std::int64_t,
                                 const alitv_event *event, void *user_data) {
  ALITV_HPP_CALL(listener.on_pay_success(*event) ? 1 : 0, 0);
}
inline void alitv_hpp_pay_error(alitv_result code, const char *, std::int64_t,
                                const char *text, const alitv_event *event,
                                void *user_data) {
  ALITV_HPP_CALL(listener.on_pay_error(code, text, *event), ALITV_HPP_VOID);
}
inline void alitv_hpp_pay_cancel(const char *, std::int64_t, const alitv_event *event,
                                 void *user_data) {
  ALITV_HPP_CALL(listener.on_pay_cancel(*event), ALITV_HPP_VOID);
}
inline void alitv_hpp_auth_qr(const char *, std::uint32_t, const alitv_event *event,
                              void *user_data) {
  ALITV_HPP_CALL(listener.on_auth_qr(*event), ALITV_HPP_VOID);
}
inline void alitv_hpp_auth_success(std::uint32_t from, const alitv_event *event,
                                   void *user_data) {
  ALITV_HPP_CALL(listener.on_auth_success(from, *event), ALITV_HPP_VOID);
}
inline void alitv_hpp_auth_error(alitv_result code, const char *text,
                                 const alitv_event *event, void *user_data) {
  ALITV_HPP_CALL(listener.on_auth_error(code, text, *event), ALITV_HPP_VOID);
}
inline void alitv_hpp_auth_cancel(const alitv_event *event, void *user_data) {
  ALITV_HPP_CALL(listener.on_auth_cancel(*event), ALITV_HPP_VOID);
}
inline void alitv_hpp_logout(const alitv_event *event, void *user_data) {
  ALITV_HPP_CALL(listener.on_logout(*event), ALITV_HPP_VOID);
}
inline void alitv_hpp_user_info(const alitv_user *user, const alitv_event *event,
                                void *user_data) {
  ALITV_HPP_CALL(listener.on_user_info(*user, *event), ALITV_HPP_VOID);
}
inline void alitv_hpp_user_info_error(alitv_result code, const char *text,
                                      const alitv_event *event, void *user_data) {
  ALITV_HPP_CALL(listener.on_user_info_error(code, text, *event), ALITV_HPP_VOID);
}
inline void alitv_hpp_web_open(const char *url, const alitv_event *event, void *user_data) {
  ALITV_HPP_CALL(listener.on_web_open(url, *event), ALITV_HPP_VOID);
}
inline void alitv_hpp_web_close(const alitv_event *event, void *user_data) {
  ALITV_HPP_CALL(listener.on_web_close(*event), ALITV_HPP_VOID);
}
inline void alitv_hpp_activities(const alitv_activity *const *, std::uint32_t,
                                 const alitv_event *event, void *user_data) {
  ALITV_HPP_CALL(listener.on_activities(activities(*event), *event), ALITV_HPP_VOID);
}
inline void alitv_hpp_activities_error(alitv_result code, const char *text,
                                       const alitv_event *event, void *user_data) {
  ALITV_HPP_CALL(listener.on_activities_error(code, text, *event), ALITV_HPP_VOID);
}
inline int alitv_hpp_draw(const alitv_draw *draw, const alitv_event *event, void *user_data) {
  ALITV_HPP_CALL(listener.on_draw(*draw, *event) ? 1 : 0, 0);
}
inline void alitv_hpp_draw_error(alitv_result code, const char *text, const char *draw_id,
                                 const alitv_event *event, void *user_data) {
  ALITV_HPP_CALL(listener.on_draw_error(code, text, draw_id, *event), ALITV_HPP_VOID);
}
inline void alitv_hpp_gift_list(const alitv_gift *const *, std::uint32_t,
                                const alitv_event *event, void *user_data) {
  ALITV_HPP_CALL(listener.on_gift_list(gifts(*event), *event), ALITV_HPP_VOID);
}
inline void alitv_hpp_gift_list_error(alitv_result code, const char *text,
                                      const alitv_event *event, void *user_data) {
  ALITV_HPP_CALL(listener.on_gift_list_error(code, text, *event), ALITV_HPP_VOID);
}
inline int alitv_hpp_gift(const alitv_gift_taking *gift, const alitv_event *event,
                          void *user_data) {
  ALITV_HPP_CALL(listener.on_gift(*gift, *event) ? 1 : 0, 0);
}
inline void alitv_hpp_gift_error(alitv_result code, const char *text, std::int64_t gift_id,
                                 const alitv_event *event, void *user_data) {
  ALITV_HPP_CALL(listener.on_gift_error(code, text, gift_id, *event), ALITV_HPP_VOID);
}
}  // extern "C"

#undef ALITV_HPP_CALL
#undef ALITV_HPP_VOID

inline alitv_callbacks callbacks() noexcept {
  alitv_callbacks all;
  ALITV_STRUCT_INIT(&all);
  all.on_event = alitv_hpp_event;
  all.on_init_finish = alitv_hpp_init_finish;
  all.on_init_error = alitv_hpp_init_error;
  all.on_qr = alitv_hpp_qr;
  all.on_pay_success = alitv_hpp_pay_success;
  all.on_pay_error = alitv_hpp_pay_error;
  all.on_pay_cancel = alitv_hpp_pay_cancel;
  all.on_auth_qr = alitv_hpp_auth_qr;
  all.on_auth_success = alitv_hpp_auth_success;
  all.on_auth_error = alitv_hpp_auth_error;
  all.on_auth_cancel = alitv_hpp_auth_cancel;
  all.on_logout = alitv_hpp_logout;
  all.on_user_info = alitv_hpp_user_info;
  all.on_user_info_error = alitv_hpp_user_info_error;
  all.on_web_open = alitv_hpp_web_open;
  all.on_web_close = alitv_hpp_web_close;
  all.on_activities = alitv_hpp_activities;
  all.on_activities_error = alitv_hpp_activities_error;
  all.on_draw = alitv_hpp_draw;
  all.on_draw_error = alitv_hpp_draw_error;
  all.on_gift_list = alitv_hpp_gift_list;
  all.on_gift_list_error = alitv_hpp_gift_list_error;
  all.on_gift = alitv_hpp_gift;
  all.on_gift_error = alitv_hpp_gift_error;
  return all;
}

/// Hands strings to C, and notices one that C would read only half of.
class Texts {
 public:
  const char *operator()(const char *name, const std::string &text) {
    if (text.find('\0') != std::string::npos && bad_.empty()) {
      bad_ = std::string(name) + " holds a NUL character";
    }
    return text.empty() ? nullptr : text.c_str();
  }

  bool good() const noexcept { return bad_.empty(); }
  Result why() const { return Result(ALITV_E_STRING, bad_); }

 private:
  std::string bad_;
};

}  // namespace detail

/// A client of the payment engine: move-only, closed at the end of its life. A listener may
/// close it, but not end its life or move it, while dispatch runs.
class Client {
 public:
  Client() noexcept : client_(nullptr), listener_(nullptr) {}
  ~Client() { close(); }
  Client(const Client &) = delete;
  Client &operator=(const Client &) = delete;
  Client(Client &&other) noexcept : client_(other.client_), listener_(other.listener_) {
    other.client_ = nullptr;
    other.listener_ = nullptr;
  }
  Client &operator=(Client &&other) noexcept {
    if (this != &other) {
      close();
      client_ = other.client_;
      listener_ = other.listener_;
      other.client_ = nullptr;
      other.listener_ = nullptr;
    }
    return *this;
  }

  /// alitv_init. A client that is open already is closed first, if the new one opens.
  ALITV_MUST_USE Result open(const Options &options) {
    detail::Texts text;
    alitv_options raw;
    ALITV_STRUCT_INIT(&raw);
    raw.mode = options.mode;
    raw.events_max = options.events_max;
    raw.log_level = options.log_level;
    raw.multiple = options.multiple ? 1 : 0;
    raw.environment = options.environment;
    raw.socket_path = text("socket_path", options.socket_path);
    raw.token = text("token", options.token);
    raw.app_key = text("app_key", options.app_key);
    raw.config_path = text("config_path", options.config_path);
    raw.app_secret = text("app_secret", options.app_secret);
    raw.gateway_url = text("gateway_url", options.gateway_url);
    raw.journal_dir = text("journal_dir", options.journal_dir);
    if (!text.good()) return text.why();
    alitv_client *opened = nullptr;
    const Result result(alitv_init(&raw, &opened));
    if (result) {
      close();
      client_ = opened;
    }
    return result;
  }

  /// alitv_destroy.
  void close() noexcept {
    alitv_destroy(client_);
    client_ = nullptr;
    listener_ = nullptr;
  }

  bool is_open() const noexcept { return client_ != nullptr; }

  /// For the functions of alitv_pay.h; NULL if it is not open. This object still closes it.
  alitv_client *get() const noexcept { return client_; }

  /// alitv_set_callbacks. The listener must live until it is replaced or the client is closed.
  /// NULL removes it.
  ALITV_MUST_USE Result set_listener(Listener *listener) {
    const alitv_callbacks all = detail::callbacks();
    const Result result(alitv_set_callbacks(client_, listener ? &all : nullptr, listener));
    if (result) listener_ = listener;
    return result;
  }

  /// alitv_dispatch: how many events were delivered, or a negative ALITV_E_*.
  std::int32_t dispatch(std::int32_t timeout_ms) {
    const std::int32_t delivered = alitv_dispatch(client_, timeout_ms);
#ifdef ALITV_EXCEPTIONS
    if (listener_ && listener_->thrown) {
      const std::exception_ptr thrown = listener_->thrown;
      listener_->thrown = nullptr;
      std::rethrow_exception(thrown);
    }
#endif
    return delivered;
  }

  /// alitv_next_event: NULL if none came in time, or `*result` is negative.
  const alitv_event *next_event(std::int32_t timeout_ms, Result *result = nullptr) {
    const alitv_event *event = nullptr;
    const std::int32_t got = alitv_next_event(client_, timeout_ms, &event);
    if (result) *result = Result(got);
    return event;
  }

  int fd() const noexcept { return alitv_fd(client_); }
  Result interrupt() { return Result(alitv_interrupt(client_)); }
  Result log_switch(std::uint32_t level) { return Result(alitv_log_switch(client_, level)); }
  Result set_wakeup(alitv_wakeup_fn wakeup, void *user_data) {
    return Result(alitv_set_wakeup(client_, wakeup, user_data));
  }

  bool is_auth() const noexcept { return alitv_is_auth(client_) == 1; }

  /// Asked::follows is false if the player has authorised the app already.
  ALITV_MUST_USE Asked auth(std::uint32_t flags = 0, std::uint64_t tag = 0) {
    return ask([&](alitv_op *op) { return alitv_auth(client_, flags, tag, op); });
  }
  ALITV_MUST_USE Asked auth_cancel(std::uint64_t tag = 0) {
    return ask([&](alitv_op *op) { return alitv_auth_cancel(client_, tag, op); });
  }
  ALITV_MUST_USE Asked logout(std::uint64_t tag = 0) {
    return ask([&](alitv_op *op) { return alitv_logout(client_, tag, op); });
  }
  ALITV_MUST_USE Asked user_info(std::uint64_t tag = 0) {
    return ask([&](alitv_op *op) { return alitv_user_info(client_, tag, op); });
  }

  ALITV_MUST_USE Asked pay(const PayParams &params, std::uint64_t tag = 0) {
    return pay_by(alitv_pay, params, tag);
  }
  ALITV_MUST_USE Asked pay_from_server(const PayParams &params, std::uint64_t tag = 0) {
    return pay_by(alitv_pay_from_server, params, tag);
  }
  ALITV_MUST_USE Asked repay(const RepayParams &params, std::uint64_t tag = 0) {
    detail::Texts text;
    char id[ALITV_ORDER_ID_SIZE] = "";
    alitv_op op = 0;
    alitv_repay_params raw;
    ALITV_STRUCT_INIT(&raw);
    raw.interval = params.interval;
    raw.expires_s = params.expires_s;
    raw.prices_len = length(params.prices_fen.size());
    raw.prices_fen = params.prices_fen.data();
    raw.order_id = text("order_id", params.order_id);
    raw.title = text("title", params.title);
    raw.subject = text("subject", params.subject);
    raw.description = text("description", params.description);
    raw.subject_id = text("subject_id", params.subject_id);
    raw.notify_url = text("notify_url", params.notify_url);
    raw.order_id_out = id;
    if (!text.good()) return Asked(text.why(), 0, std::string());
    const int outcome = alitv_repay(client_, &raw, tag, &op);
    return asked(outcome, op, id);
  }
  ALITV_MUST_USE Asked cancel(const std::string &order_id, std::uint64_t tag = 0) {
    return about("order_id", order_id, [&](const char *id, alitv_op *op) {
      return alitv_cancel(client_, id, tag, op);
    });
  }
  ALITV_MUST_USE Asked query(const std::string &order_id, std::uint64_t tag = 0) {
    return about("order_id", order_id, [&](const char *id, alitv_op *op) {
      return alitv_query(client_, id, tag, op);
    });
  }
  /// Of an order, a draw or a gift.
  ALITV_MUST_USE Asked ack(const std::string &order_id, std::uint64_t sequence,
                           std::uint64_t tag = 0) {
    return about("order_id", order_id, [&](const char *id, alitv_op *op) {
      return alitv_ack(client_, id, sequence, tag, op);
    });
  }
  ALITV_MUST_USE Asked orders(std::uint32_t which = ALITV_ORDERS_UNFINISHED,
                              std::uint32_t limit = 0, std::uint64_t tag = 0) {
    return ask([&](alitv_op *op) { return alitv_orders(client_, which, limit, tag, op); });
  }

  /// Asked::follows is false if there is no such page.
  ALITV_MUST_USE Asked web_open(const WebParams &params, std::uint64_t tag = 0) {
    detail::Texts text;
    std::vector<const char *> keys, values;
    for (const auto &param : params.params) {
      keys.push_back(or_empty(text("params", param.first)));
      values.push_back(or_empty(text("params", param.second)));
    }
    alitv_op op = 0;
    alitv_web_params raw;
    ALITV_STRUCT_INIT(&raw);
    raw.kind = params.kind;
    raw.timeout_s = params.timeout_s;
    raw.params_len = length(keys.size());
    raw.keys = keys.data();
    raw.values = values.data();
    if (!text.good()) return Asked(text.why(), 0, std::string());
    const int outcome = alitv_web_open(client_, &raw, tag, &op);
    return asked(outcome, op, std::string());
  }
  ALITV_MUST_USE Asked web_closed(const std::string &web_id, std::uint64_t tag = 0) {
    return about("web_id", web_id, [&](const char *id, alitv_op *op) {
      return alitv_web_closed(client_, id, tag, op);
    });
  }

  ALITV_MUST_USE Asked lottery_activities(const std::string &event_key = std::string(),
                                          std::uint64_t tag = 0) {
    return about("event_key", event_key, [&](const char *key, alitv_op *op) {
      return alitv_lottery_activities(client_, key, tag, op);
    });
  }
  ALITV_MUST_USE Asked lottery_draw(const DrawParams &params, std::uint64_t tag = 0) {
    detail::Texts text;
    char id[ALITV_ORDER_ID_SIZE] = "";
    alitv_op op = 0;
    alitv_draw_params raw;
    ALITV_STRUCT_INIT(&raw);
    raw.event_key = text("event_key", params.event_key);
    raw.confirm_key = text("confirm_key", params.confirm_key);
    raw.behavior_key = text("behavior_key", params.behavior_key);
    raw.draw_id = text("draw_id", params.draw_id);
    raw.draw_id_out = id;
    if (!text.good()) return Asked(text.why(), 0, std::string());
    const int outcome = alitv_lottery_draw(client_, &raw, tag, &op);
    return asked(outcome, op, id);
  }
  ALITV_MUST_USE Asked gift_list(std::uint64_t tag = 0) {
    return ask([&](alitv_op *op) { return alitv_gift_list(client_, tag, op); });
  }
  ALITV_MUST_USE Asked gift_take(std::int64_t gift_id, std::uint64_t tag = 0) {
    return ask([&](alitv_op *op) { return alitv_gift_take(client_, gift_id, tag, op); });
  }

  /// alitv_request; `params_json` may be "" for none.
  ALITV_MUST_USE Asked request(const std::string &method,
                               const std::string &params_json = std::string(),
                               std::uint64_t tag = 0) {
    detail::Texts text;
    const char *params = text("params_json", params_json);
    if (!text.good()) return Asked(text.why(), 0, std::string());
    return about("method", method, [&](const char *name, alitv_op *op) {
      return alitv_request(client_, name, params, tag, op);
    });
  }

  /// alitv_get_qr_url.
  ALITV_MUST_USE Result get_qr_url(std::string *out) const {
    char buffer[ALITV_QR_URL_SIZE] = "";
    const Result result(alitv_get_qr_url(client_, buffer, sizeof buffer));
    if (result) *out = buffer;
    return result;
  }

 private:
  static Asked asked(int outcome, alitv_op op, const std::string &id) {
    return Asked(Result(outcome), outcome < 0 ? 0 : op, outcome < 0 ? std::string() : id);
  }

  template <typename Call>
  static Asked ask(Call call) {
    alitv_op op = 0;
    const int outcome = call(&op);
    return asked(outcome, op, std::string());
  }

  /// A request that names something.
  template <typename Call>
  static Asked about(const char *field, const std::string &name, Call call) {
    detail::Texts text;
    const char *raw = or_empty(text(field, name));
    if (!text.good()) return Asked(text.why(), 0, std::string());
    alitv_op op = 0;
    const int outcome = call(raw, &op);
    return asked(outcome, op, name);
  }

  static const char *or_empty(const char *text) noexcept { return text ? text : ""; }

  static std::uint32_t length(std::size_t size) noexcept {
    return size > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(size);
  }

  Asked pay_by(alitv_result (*call)(alitv_client *, const alitv_pay_params *, std::uint64_t,
                                    alitv_op *),
               const PayParams &params, std::uint64_t tag) {
    detail::Texts text;
    char id[ALITV_ORDER_ID_SIZE] = "";
    alitv_op op = 0;
    alitv_pay_params raw;
    ALITV_STRUCT_INIT(&raw);
    raw.expires_s = params.expires_s;
    raw.amount_fen = params.amount_fen;
    raw.order_id = text("order_id", params.order_id);
    raw.title = text("title", params.title);
    raw.subject_id = text("subject_id", params.subject_id);
    raw.notify_url = text("notify_url", params.notify_url);
    raw.order_id_out = id;
    if (!text.good()) return Asked(text.why(), 0, std::string());
    const int outcome = call(client_, &raw, tag, &op);
    return asked(outcome, op, id);
  }

  alitv_client *client_;
  Listener *listener_;
};

/// alitv_qr_encode.
ALITV_MUST_USE inline Result qr_encode(const std::string &text, Modules *out) {
  if (text.find('\0') != std::string::npos) {
    return Result(ALITV_E_STRING, "text holds a NUL character");
  }
  std::vector<std::uint8_t> all(ALITV_QR_SIZE_MAX);
  std::uint32_t side = 0;
  const Result result(alitv_qr_encode(text.c_str(), all.data(), all.size(), &side));
  if (result) {
    all.resize(static_cast<std::size_t>(side) * side);
    out->dark.swap(all);
    out->side = side;
  }
  return result;
}

}  // namespace alitv

#endif  // ALITV_PAY_HPP
