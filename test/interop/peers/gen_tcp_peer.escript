#!/usr/bin/env escript
%% A peer that speaks gen_tcp's {packet, N}.
%%
%%     gen_tcp_peer.escript listen|connect PORT SEED COUNT BYTES_MAX HEADER_BYTES
%%
%% Sends COUNT packets of random sizes and, at the same time, receives COUNT. Then it tells the MD5 of both
%% directions (of each packet: its length as a big-endian u32, then its bytes), waits for the other side to
%% close, and tells whether anything came in between.
-mode(compile).

main([How | Numbers]) ->
    [Port, Seed, Count, BytesMax, HeaderBytes] = [list_to_integer(N) || N <- Numbers],
    Options = [binary, {packet, HeaderBytes}, {active, false}, {nodelay, true}],
    Socket = socket(How, Port, Options),
    Main = self(),
    spawn_link(fun() -> Main ! {sent, send_all(Socket, Seed, Count, BytesMax)} end),
    Received = receive_all(Socket, Count, new_tally()),
    receive {sent, Sent} -> io:format("sent ~s received ~s~n", [Sent, told(Received)]) end,
    case gen_tcp:recv(Socket, 0) of
        {error, closed} -> io:format("closed~n");
        {ok, More} -> io:format("more ~b~n", [byte_size(More)])
    end.

socket("connect", Port, Options) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, Options),
    Socket;
socket("listen", Port, Options) ->
    {ok, Listener} = gen_tcp:listen(Port, [{ip, {127, 0, 0, 1}} | Options]),
    {ok, Bound} = inet:port(Listener),
    io:format("port ~b~n", [Bound]),
    {ok, Socket} = gen_tcp:accept(Listener),
    Socket.

send_all(Socket, Seed, Count, BytesMax) ->
    rand:seed(exsss, {Seed, 0, 0}),
    Block = << <<(rand:uniform(1 bsl 32) - 1):32>> || _ <- lists:seq(1, 1 bsl 18) >>,
    send_from(0, Socket, Count, BytesMax, Block, new_tally()).

send_from(Count, _Socket, Count, _BytesMax, _Block, Tally) ->
    told(Tally);
send_from(Number, Socket, Count, BytesMax, Block, Tally) ->
    Length = random_size(BytesMax),
    At = rand:uniform(byte_size(Block) - Length + 1) - 1,
    Packet = numbered(Number, binary:part(Block, At, Length)),
    ok = gen_tcp:send(Socket, Packet),
    send_from(Number + 1, Socket, Count, BytesMax, Block, add(Packet, Tally)).

numbered(Number, <<_:32, Rest/binary>>) -> <<Number:32, Rest/binary>>;
numbered(_Number, Short) -> Short.

random_size(BytesMax) ->
    Limit = case rand:uniform(100) of
        N when N =< 50 -> 200;
        N when N =< 80 -> 4096;
        N when N =< 95 -> 40000;
        _ -> BytesMax
    end,
    rand:uniform(min(Limit, BytesMax) + 1) - 1.

receive_all(_Socket, 0, Tally) ->
    Tally;
receive_all(Socket, Left, Tally) ->
    {ok, Packet} = gen_tcp:recv(Socket, 0),
    receive_all(Socket, Left - 1, add(Packet, Tally)).

new_tally() -> {erlang:md5_init(), 0}.

add(Packet, {Md5, Bytes}) ->
    Length = byte_size(Packet),
    {erlang:md5_update(erlang:md5_update(Md5, <<Length:32>>), Packet), Bytes + Length}.

told({Md5, Bytes}) ->
    Hex = [io_lib:format("~2.16.0b", [B]) || <<B>> <= erlang:md5_final(Md5)],
    io_lib:format("~b ~s", [Bytes, Hex]).
