-- The account and the database of Townsquare. Set the password afterwards: \password townsquare
create role townsquare login;
create database townsquare owner townsquare encoding 'UTF8' locale 'C.UTF-8' template template0;
revoke all on database townsquare from public;
